-- TIME arrives as text over its whole range, negative ones with every fraction and without.
CREATE TABLE t (id INT PRIMARY KEY, a TIME, b TIME(1), c TIME(3), d TIME(6));
--> ddl CREATE TABLE t

INSERT INTO t VALUES (1, '838:59:59', '838:59:58.9', '838:59:58.999', '838:59:58.999999');
--> insert t {id: 1, a: "838:59:59", b: "838:59:58.9", c: "838:59:58.999", d: "838:59:58.999999"}
INSERT INTO t VALUES (2, '-838:59:59', '-838:59:58.9', '-838:59:58.999', '-838:59:58.999999');
--> insert t {id: 2, a: "-838:59:59", b: "-838:59:58.9", c: "-838:59:58.999", d: "-838:59:58.999999"}
INSERT INTO t VALUES (3, '-12:00:00', '-12:00:00', '-01:01:00', '-00:00:00.000001');
--> insert t {id: 3, a: "-12:00:00", b: "-12:00:00.0", c: "-01:01:00.000", d: "-00:00:00.000001"}
INSERT INTO t VALUES (4, '00:00:00', '-00:00:00.1', '-00:00:01', '-00:01:00.5');
--> insert t {id: 4, a: "00:00:00", b: "-00:00:00.1", c: "-00:00:01.000", d: "-00:01:00.500000"}
INSERT INTO t VALUES (5, '-00:00:01', '-100:00:00.5', '-23:59:59.001', NULL);
--> insert t {id: 5, a: "-00:00:01", b: "-100:00:00.5", c: "-23:59:59.001", d: null}
