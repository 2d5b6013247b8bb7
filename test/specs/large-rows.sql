-- Rows of more than 16 MiB arrive whole.
CREATE TABLE t (id INT PRIMARY KEY, a LONGTEXT, b LONGBLOB);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, REPEAT('aé', 6000000), NULL);
--> insert t {id: 1, a: repeat("aé", 6000000), b: null}
UPDATE t SET b = REPEAT(x'00ff', 9000000);
--> update t {id: 1, a: repeat("aé", 6000000), b: null} -> {id: 1, a: repeat("aé", 6000000), b: repeat(x"00ff", 9000000)}
-- Exactly what fills a packet of the server's protocol, and a row behind it.
INSERT INTO t VALUES (2, NULL, REPEAT('x', 16777215)), (3, 'next', NULL);
--> begin
-->   insert t {id: 2, a: null, b: repeat(x"78", 16777215)}
-->   insert t {id: 3, a: "next", b: null}
--> commit
DELETE FROM t WHERE id = 1;
--> delete t {id: 1, a: repeat("aé", 6000000), b: repeat(x"00ff", 9000000)}
