-- The multi-byte character sets of Asia arrive as Unicode, half-width and rare characters included.
CREATE TABLE t (
  id INT PRIMARY KEY, gb2312 VARCHAR(20) CHARACTER SET gb2312, gbk VARCHAR(20) CHARACTER SET gbk, cp932 VARCHAR(20) CHARACTER SET cp932,
  sjis VARCHAR(20) CHARACTER SET sjis, eucjpms VARCHAR(20) CHARACTER SET eucjpms, ujis VARCHAR(20) CHARACTER SET ujis, big5 TEXT CHARACTER SET big5,
  euckr CHAR(20) CHARACTER SET euckr
);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '汉字', '漢字镕', '①髙﨑', 'ｱｲｳ表', '①髙ｱ', '丂ｱ', '許功蓋', '가나다');
--> insert t {id: 1, gb2312: "汉字", gbk: "漢字镕", cp932: "①髙﨑", sjis: "ｱｲｳ表", eucjpms: "①髙ｱ", ujis: "丂ｱ", big5: "許功蓋", euckr: "가나다"}
INSERT INTO t VALUES (2, '', 'a', '\\~', 'a~', '~', 'ab', 'a漢', '');
--> insert t {id: 2, gb2312: "", gbk: "a", cp932: "\\~", sjis: "a~", eucjpms: "~", ujis: "ab", big5: "a漢", euckr: ""}
