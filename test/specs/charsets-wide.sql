-- Character sets of two and four bytes arrive as Unicode, also as CHAR, TEXT and ENUM.
CREATE TABLE t (
  id INT PRIMARY KEY, a CHAR(5) CHARACTER SET ucs2, b TEXT CHARACTER SET utf16, c VARCHAR(5) CHARACTER SET utf16le, d LONGTEXT CHARACTER SET utf32,
  e ENUM('ä', '日') CHARACTER SET ucs2, s SET('x', 'é') CHARACTER SET utf32
);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'é日', '😀', '😀a', 'a😀', '日', 'x,é'), (2, '', '', '', '', 'ä', ''), (3, NULL, NULL, NULL, NULL, NULL, NULL);
--> begin
-->   insert t {id: 1, a: "é日", b: "😀", c: "😀a", d: "a😀", e: "日", s: "x,é"}
-->   insert t {id: 2, a: "", b: "", c: "", d: "", e: "ä", s: ""}
-->   insert t {id: 3, a: null, b: null, c: null, d: null, e: null, s: null}
--> commit
