-- DECIMAL without digits before the point has a zero there, and minus zero is zero.
CREATE TABLE t (id INT PRIMARY KEY, a DECIMAL(1,1), b DECIMAL(4,4), c DECIMAL(5,0), d NUMERIC, e FIXED(3,1));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 0.1, 0.0001, -0, 10, -9.9);
--> insert t {id: 1, a: "0.1", b: "0.0001", c: "0", d: "10", e: "-9.9"}
INSERT INTO t VALUES (2, -0.9, -0.9999, 99999, -9999999999, 0.0);
--> insert t {id: 2, a: "-0.9", b: "-0.9999", c: "99999", d: "-9999999999", e: "0.0"}
INSERT INTO t VALUES (3, -0.04, 0.00004, 0.4, 0.5, 9.95);
--> insert t {id: 3, a: "0.0", b: "0.0000", c: "0", d: "1", e: "10.0"}
