-- The smallest and the largest FLOAT and DOUBLE arrive exactly, and minus zero from a server that keeps it.
CREATE TABLE t (id INT PRIMARY KEY, f FLOAT, d DOUBLE);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, -0e0, -0e0);
-- expect mariadb
--> insert t {id: 1, f: 0, d: 0}
-- expect mysql
--> insert t {id: 1, f: -0, d: -0}
INSERT INTO t VALUES (2, 1.17549435e-38, 2.2250738585072014e-308);
--> insert t {id: 2, f: 1.1754943508222875e-38, d: 2.2250738585072014e-308}
INSERT INTO t VALUES (3, -3.402823466e38, -1.7976931348623157e308);
--> insert t {id: 3, f: -3.4028234663852886e38, d: -1.7976931348623157e308}
INSERT INTO t VALUES (4, 0.1e0 + 0.2e0, 0.1e0 + 0.2e0);
--> insert t {id: 4, f: 0.30000001192092896, d: 0.30000000000000004}
UPDATE t SET f = f * -1, d = d * -1 WHERE id = 1;
-- expect mysql
--> update t {id: 1, f: -0, d: -0} -> {id: 1, f: 0, d: 0}
