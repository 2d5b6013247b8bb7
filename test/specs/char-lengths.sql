-- CHAR and VARCHAR hold lengths in characters, and the longest arrive whole.
CREATE TABLE t (id INT PRIMARY KEY, a CHAR(0), b CHAR(1), c CHAR(255), d VARCHAR(1), e VARCHAR(255) CHARACTER SET latin1, f VARCHAR(256) CHARACTER SET latin1, g VARCHAR(12000));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '', '😀', REPEAT('日', 255), 'é', REPEAT('é', 255), REPEAT('é', 256), REPEAT('日本', 6000));
--> insert t {id: 1, a: "", b: "😀", c: repeat("日", 255), d: "é", e: repeat("é", 255), f: repeat("é", 256), g: repeat("日本", 6000)}
INSERT INTO t VALUES (2, NULL, '', '', '', '', '', ''), (3, '', NULL, NULL, NULL, NULL, NULL, NULL);
--> begin
-->   insert t {id: 2, a: null, b: "", c: "", d: "", e: "", f: "", g: ""}
-->   insert t {id: 3, a: "", b: null, c: null, d: null, e: null, f: null, g: null}
--> commit
