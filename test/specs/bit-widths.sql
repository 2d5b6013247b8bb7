-- BIT of any width arrives as so many whole bytes, beside columns that start where it ends.
CREATE TABLE t (a BIT(1), b BIT(15), c BIT(16), d BIT(17), e BIT(33), f BIT(63), g BIT(64), n TINYINT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 0x7fff, 0xffff, 0x1ffff, 0x1ffffffff, 0x7fffffffffffffff, 0xffffffffffffffff, 9);
--> insert t {a: x"01", b: x"7fff", c: x"ffff", d: x"01ffff", e: x"01ffffffff", f: x"7fffffffffffffff", g: x"ffffffffffffffff", n: 9}
INSERT INTO t VALUES (0, 1, 1, 1, 1, 1, 1, 9);
--> insert t {a: x"00", b: x"0001", c: x"0001", d: x"000001", e: x"0000000001", f: x"0000000000000001", g: x"0000000000000001", n: 9}
INSERT INTO t VALUES (NULL, 0, NULL, 0, NULL, 0, NULL, NULL);
--> insert t {a: null, b: x"0000", c: null, d: x"000000", e: null, f: x"0000000000000000", g: null, n: null}
UPDATE t SET a = 1, g = NULL, f = 256 WHERE n IS NULL;
--> update t {a: null, b: x"0000", c: null, d: x"000000", e: null, f: x"0000000000000000", g: null, n: null} -> {a: x"01", b: x"0000", c: null, d: x"000000", e: null, f: x"0000000000000100", g: null, n: null}
