-- BIT arrives as bytes, the highest first.
CREATE TABLE t (id INT PRIMARY KEY, a BIT(1), b BIT(7), c BIT(8), d BIT(9), e BIT(64));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, b'1', b'1010101', b'11111111', b'100000001', b'1000000000000000000000000000000000000000000000000000000000000001');
--> insert t {id: 1, a: x"01", b: x"55", c: x"ff", d: x"0101", e: x"8000000000000001"}
INSERT INTO t VALUES (2, 0, 0, 0, 0, 0), (3, NULL, NULL, NULL, NULL, NULL);
--> begin
-->   insert t {id: 2, a: x"00", b: x"00", c: x"00", d: x"0000", e: x"0000000000000000"}
-->   insert t {id: 3, a: null, b: null, c: null, d: null, e: null}
--> commit
