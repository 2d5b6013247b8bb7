-- The last second of TIME has fractions, too.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY, b TIME(1), c TIME(3), d TIME(6));
--> ddl CREATE TABLE t

INSERT INTO t VALUES (1, '838:59:59.9', '838:59:59.999', '838:59:59.999999');
--> insert t {id: 1, b: "838:59:59.9", c: "838:59:59.999", d: "838:59:59.999999"}
INSERT INTO t VALUES (2, '-838:59:59.9', '-838:59:59.999', '-838:59:59.999999');
--> insert t {id: 2, b: "-838:59:59.9", c: "-838:59:59.999", d: "-838:59:59.999999"}
