-- Integers of every width arrive as numbers, BIGINT always as a bigint.
CREATE TABLE t (id INT PRIMARY KEY, a TINYINT, b TINYINT UNSIGNED, c SMALLINT, d SMALLINT UNSIGNED, e MEDIUMINT, f MEDIUMINT UNSIGNED, g INT, h INT UNSIGNED, i BIGINT, j BIGINT UNSIGNED);
--> ddl CREATE TABLE t

INSERT INTO t VALUES (1, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0);
--> insert t {id: 1, a: -128, b: 0, c: -32768, d: 0, e: -8388608, f: 0, g: -2147483648, h: 0, i: -9223372036854775808n, j: 0n}

INSERT INTO t VALUES (2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615);
--> insert t {id: 2, a: 127, b: 255, c: 32767, d: 65535, e: 8388607, f: 16777215, g: 2147483647, h: 4294967295, i: 9223372036854775807n, j: 18446744073709551615n}

-- Around the borders of what one, two, four bytes and a double can hold.
INSERT INTO t VALUES (63, -1, 63, -33, 64, -129, 255, -32769, 65536, -9007199254740993, 9007199254740993);
--> insert t {id: 63, a: -1, b: 63, c: -33, d: 64, e: -129, f: 255, g: -32769, h: 65536, i: -9007199254740993n, j: 9007199254740993n}
INSERT INTO t VALUES (64, 64, 127, 127, 128, 128, 256, 32768, 16777216, 5, 5);
--> insert t {id: 64, a: 64, b: 127, c: 127, d: 128, e: 128, f: 256, g: 32768, h: 16777216, i: 5n, j: 5n}
INSERT INTO t VALUES (-1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
--> insert t {id: -1, a: null, b: null, c: null, d: null, e: null, f: null, g: null, h: null, i: null, j: null}

CREATE TABLE z (a INT(8) ZEROFILL PRIMARY KEY, b BOOLEAN);
--> ddl CREATE TABLE z
INSERT INTO z VALUES (42, TRUE);
--> insert z {a: 42, b: 1}
