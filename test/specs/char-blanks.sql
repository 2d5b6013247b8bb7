-- CHAR loses blanks at its end in the server, VARCHAR and TEXT keep theirs.
CREATE TABLE t (id INT PRIMARY KEY, c CHAR(5), v VARCHAR(5), x TEXT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, ' a ', ' a ', ' a '), (2, '   ', '   ', '   '), (3, '', '', '');
--> begin
-->   insert t {id: 1, c: " a", v: " a ", x: " a "}
-->   insert t {id: 2, c: "", v: "   ", x: "   "}
-->   insert t {id: 3, c: "", v: "", x: ""}
--> commit
SET sql_mode = CONCAT(@@sql_mode, ',PAD_CHAR_TO_FULL_LENGTH');
INSERT INTO t VALUES (4, 'b', 'b', 'b');
--> insert t {id: 4, c: "b", v: "b", x: "b"}
UPDATE t SET v = 'c' WHERE id = 4;
--> update t {id: 4, c: "b", v: "b", x: "b"} -> {id: 4, c: "b", v: "c", x: "b"}
