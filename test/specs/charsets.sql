-- Text of any character set arrives as the characters that the server reads in it.
CREATE TABLE t (
  id INT PRIMARY KEY,
  latin1 VARCHAR(20) CHARACTER SET latin1, utf8mb3 VARCHAR(20) CHARACTER SET utf8mb3, utf8mb4 VARCHAR(20) CHARACTER SET utf8mb4,
  gbk VARCHAR(20) CHARACTER SET gbk, sjis VARCHAR(20) CHARACTER SET sjis, big5 VARCHAR(20) CHARACTER SET big5,
  euckr VARCHAR(20) CHARACTER SET euckr, ujis VARCHAR(20) CHARACTER SET ujis, cp1251 VARCHAR(20) CHARACTER SET cp1251,
  koi8r VARCHAR(20) CHARACTER SET koi8r, greek VARCHAR(20) CHARACTER SET greek, tis620 VARCHAR(20) CHARACTER SET tis620,
  ucs2 VARCHAR(20) CHARACTER SET ucs2, utf16 VARCHAR(20) CHARACTER SET utf16, utf32 VARCHAR(20) CHARACTER SET utf32,
  ascii VARCHAR(20) CHARACTER SET ascii
);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'é€ß', 'é€ß', '😀é', '中文', '日本', '中文', '한국', '日本', 'Привет', 'Привет', 'Ελλάς', 'ไทย', 'é中', '😀', '😀', 'plain');
--> insert t {id: 1, latin1: "é€ß", utf8mb3: "é€ß", utf8mb4: "😀é", gbk: "中文", sjis: "日本", big5: "中文", euckr: "한국", ujis: "日本", cp1251: "Привет", koi8r: "Привет", greek: "Ελλάς", tis620: "ไทย", ucs2: "é中", utf16: "😀", utf32: "😀", ascii: "plain"}
INSERT INTO t (id) VALUES (2);
--> insert t {id: 2, latin1: null, utf8mb3: null, utf8mb4: null, gbk: null, sjis: null, big5: null, euckr: null, ujis: null, cp1251: null, koi8r: null, greek: null, tis620: null, ucs2: null, utf16: null, utf32: null, ascii: null}
