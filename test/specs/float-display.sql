-- FLOAT and DOUBLE with digits to display are rounded by the server when they are stored.
CREATE TABLE t (id INT PRIMARY KEY, a FLOAT(7,3), b DOUBLE(12,4), c REAL, d FLOAT(24), e FLOAT(53), f DOUBLE PRECISION);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1.23456, 1.23456, 1.23456, 1.23456, 1.23456, 1.23456);
--> insert t {id: 1, a: 1.2350000143051147, b: 1.2346, c: 1.23456, d: 1.2345600128173828, e: 1.23456, f: 1.23456}
INSERT INTO t VALUES (2, -9999.999, -99999999.9999, -1e308, -1e38, -1e308, 1e-308);
--> insert t {id: 2, a: -9999.9990234375, b: -99999999.9999, c: -1e308, d: -9.999999680285692e37, e: -1e308, f: 1e-308}
