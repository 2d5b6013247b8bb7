-- Compressed columns arrive as what was written into them.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(1000) COMPRESSED, b TEXT COMPRESSED, c BLOB COMPRESSED);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, REPEAT('é', 500), REPEAT('long', 5000), REPEAT(x'00', 40000)), (2, 'short', '', x''), (3, NULL, NULL, NULL);
--> begin
-->   insert t {id: 1, a: repeat("é", 500), b: repeat("long", 5000), c: repeat(x"00", 40000)}
-->   insert t {id: 2, a: "short", b: "", c: x""}
-->   insert t {id: 3, a: null, b: null, c: null}
--> commit
