-- Bytes to which a character set gives no character arrive as the server shows them: a question mark, a NUL or a control.
CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(5) CHARACTER SET latin1, b VARCHAR(5) CHARACTER SET cp1250, c VARCHAR(5) CHARACTER SET latin7, d VARCHAR(5) CHARACTER SET greek);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, x'8141', x'8141', x'8141', x'd241');
--> insert t {id: 1, a: "\u0081A", b: "?A", c: "\u0081A", d: "?A"}
