-- BLOB and TEXT of each size arrive whole at the lengths where one more byte of length is needed.
CREATE TABLE t (id INT PRIMARY KEY, a TINYBLOB, b BLOB, c MEDIUMBLOB, d LONGBLOB, e TINYTEXT, f TEXT, g MEDIUMTEXT, h LONGTEXT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, REPEAT('a', 255), REPEAT('b', 255), REPEAT('c', 255), REPEAT('d', 255), REPEAT('e', 255), REPEAT('f', 255), REPEAT('g', 255), REPEAT('h', 255));
--> insert t {id: 1, a: repeat(x"61", 255), b: repeat(x"62", 255), c: repeat(x"63", 255), d: repeat(x"64", 255), e: repeat("e", 255), f: repeat("f", 255), g: repeat("g", 255), h: repeat("h", 255)}
INSERT INTO t VALUES (2, '', REPEAT('b', 256), REPEAT('c', 256), REPEAT('d', 256), '', REPEAT('f', 256), REPEAT('g', 256), REPEAT('h', 256));
--> insert t {id: 2, a: x"", b: repeat(x"62", 256), c: repeat(x"63", 256), d: repeat(x"64", 256), e: "", f: repeat("f", 256), g: repeat("g", 256), h: repeat("h", 256)}
INSERT INTO t VALUES (3, NULL, REPEAT('b', 65535), REPEAT('c', 65536), REPEAT('d', 65536), NULL, REPEAT('f', 65535), REPEAT('g', 65536), REPEAT('h', 65536));
--> insert t {id: 3, a: null, b: repeat(x"62", 65535), c: repeat(x"63", 65536), d: repeat(x"64", 65536), e: null, f: repeat("f", 65535), g: repeat("g", 65536), h: repeat("h", 65536)}
