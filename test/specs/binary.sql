-- BINARY arrives padded to its width, VARBINARY and BLOB as written; a key of bytes can be found again.
CREATE TABLE t (k BINARY(4) PRIMARY KEY, w BINARY(6), v VARBINARY(300), s TINYBLOB, b BLOB, m MEDIUMBLOB, l LONGBLOB);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (x'0a000000', x'ff', x'0100', '', x'00', x'ff00ff', NULL);
--> insert t {k: x"0a000000", w: x"ff0000000000", v: x"0100", s: x"", b: x"00", m: x"ff00ff", l: null}
UPDATE t SET v = x'', s = REPEAT(x'00', 255), b = REPEAT(x'7f80', 32000), m = REPEAT(x'01', 65536), l = 'text' WHERE k = x'0a000000';
--> update t {k: x"0a000000", w: x"ff0000000000", v: x"0100", s: x"", b: x"00", m: x"ff00ff", l: null} -> {k: x"0a000000", w: x"ff0000000000", v: x"", s: repeat(x"00", 255), b: repeat(x"7f80", 32000), m: repeat(x"01", 65536), l: x"74657874"}
INSERT INTO t (k, w) VALUES (x'', x'000000000000');
--> insert t {k: x"00000000", w: x"000000000000", v: null, s: null, b: null, m: null, l: null}
DELETE FROM t WHERE k = x'00000000';
--> delete t {k: x"00000000", w: x"000000000000", v: null, s: null, b: null, m: null, l: null}
