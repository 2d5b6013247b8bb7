-- The single-byte character sets of Europe arrive as Unicode.
CREATE TABLE t (
  id INT PRIMARY KEY, latin2 VARCHAR(20) CHARACTER SET latin2, latin5 VARCHAR(20) CHARACTER SET latin5, latin7 VARCHAR(20) CHARACTER SET latin7,
  cp1250 VARCHAR(20) CHARACTER SET cp1250, cp1257 VARCHAR(20) CHARACTER SET cp1257, cp850 VARCHAR(20) CHARACTER SET cp850,
  cp852 VARCHAR(20) CHARACTER SET cp852, cp866 VARCHAR(20) CHARACTER SET cp866, dec8 VARCHAR(20) CHARACTER SET dec8,
  hp8 VARCHAR(20) CHARACTER SET hp8, keybcs2 VARCHAR(20) CHARACTER SET keybcs2, macroman VARCHAR(20) CHARACTER SET macroman,
  macce VARCHAR(20) CHARACTER SET macce, swe7 VARCHAR(20) CHARACTER SET swe7, koi8u VARCHAR(20) CHARACTER SET koi8u
);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'Łódź', 'İstanbul ğ', 'Rīga ž', 'Příliš €', 'Šiauliai', 'naïve ½', 'Őrült', 'Москва', 'ÆØÅ', 'ÀÊ', 'Ďábel', 'Ωmega é', 'Žluťoučký', 'ÅÄÖ', 'Київ ї');
--> insert t {id: 1, latin2: "Łódź", latin5: "İstanbul ğ", latin7: "Rīga ž", cp1250: "Příliš €", cp1257: "Šiauliai", cp850: "naïve ½", cp852: "Őrült", cp866: "Москва", dec8: "ÆØÅ", hp8: "ÀÊ", keybcs2: "Ďábel", macroman: "Ωmega é", macce: "Žluťoučký", swe7: "ÅÄÖ", koi8u: "Київ ї"}
