-- Control characters, line ends and quotes arrive as they were written.
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(50));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '\0\b\t\n\r\Z'), (2, '\'"`\\'), (3, '\\n is no line end'), (4, 0x7f), (5, 0xc285);
--> begin
-->   insert t {id: 1, v: "\u0000\b\t\n\r\u001a"}
-->   insert t {id: 2, v: "'\"`\\"}
-->   insert t {id: 3, v: "\\n is no line end"}
-->   insert t {id: 4, v: "\u007f"}
-->   insert t {id: 5, v: "\u0085"}
--> commit
UPDATE t SET v = CONCAT(v, '\r\n') WHERE id = 3;
--> update t {id: 3, v: "\\n is no line end"} -> {id: 3, v: "\\n is no line end\r\n"}
