-- Arabic, Hebrew, Georgian, Armenian and Thai character sets arrive as Unicode.
CREATE TABLE t (
  id INT PRIMARY KEY, cp1256 VARCHAR(20) CHARACTER SET cp1256, hebrew VARCHAR(20) CHARACTER SET hebrew, geostd8 VARCHAR(20) CHARACTER SET geostd8,
  armscii8 VARCHAR(20) CHARACTER SET armscii8, tis620 VARCHAR(20) CHARACTER SET tis620, greek VARCHAR(20) CHARACTER SET greek
);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'سلام', 'שלום', 'საქართველო', 'Հայաստան', 'ภาษาไทย', 'Αθήνα');
--> insert t {id: 1, cp1256: "سلام", hebrew: "שלום", geostd8: "საქართველო", armscii8: "Հայաստան", tis620: "ภาษาไทย", greek: "Αθήνα"}
