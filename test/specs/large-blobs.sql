-- Several large values in one row, and many large rows in one transaction, arrive whole.
CREATE TABLE t (id INT PRIMARY KEY, a LONGBLOB, b LONGTEXT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, REPEAT(x'00', 3000000), REPEAT('é', 1500000));
--> insert t {id: 1, a: repeat(x"00", 3000000), b: repeat("é", 1500000)}
START TRANSACTION;
INSERT INTO t VALUES (2, REPEAT(x'01', 1048576), NULL);
INSERT INTO t VALUES (3, NULL, REPEAT('a', 1048575));
UPDATE t SET a = b, b = NULL WHERE id = 3;
COMMIT;
--> begin
-->   insert t {id: 2, a: repeat(x"01", 1048576), b: null}
-->   insert t {id: 3, a: null, b: repeat("a", 1048575)}
-->   update t {id: 3, a: null, b: repeat("a", 1048575)} -> {id: 3, a: repeat(x"61", 1048575), b: null}
--> commit
