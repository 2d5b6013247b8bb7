-- Compressed columns arrive inflated: empty ones, those too short to be worth it, and those of other character sets.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(200) COMPRESSED CHARACTER SET latin1, b VARBINARY(200) COMPRESSED, c LONGTEXT COMPRESSED CHARACTER SET utf16, d TINYBLOB COMPRESSED);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '', '', '', ''), (2, 'é', x'00', '😀', x'ff'), (3, REPEAT('é', 200), REPEAT(x'00', 200), REPEAT('😀', 20000), REPEAT('d', 254));
--> begin
-->   insert t {id: 1, a: "", b: x"", c: "", d: x""}
-->   insert t {id: 2, a: "é", b: x"00", c: "😀", d: x"ff"}
-->   insert t {id: 3, a: repeat("é", 200), b: repeat(x"00", 200), c: repeat("😀", 20000), d: repeat(x"64", 254)}
--> commit
UPDATE t SET a = 'short', c = REPEAT('é', 1000) WHERE id = 3;
--> update t {id: 3, a: repeat("é", 200), b: repeat(x"00", 200), c: repeat("😀", 20000), d: repeat(x"64", 254)} -> {id: 3, a: "short", b: repeat(x"00", 200), c: repeat("é", 1000), d: repeat(x"64", 254)}
ALTER TABLE t MODIFY a VARCHAR(200) CHARACTER SET latin1;
--> ddl ALTER TABLE t
UPDATE t SET a = 'plain' WHERE id = 1;
--> update t {id: 1, a: "", b: x"", c: "", d: x""} -> {id: 1, a: "plain", b: x"", c: "", d: x""}
