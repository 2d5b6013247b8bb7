-- The hidden columns of indexes on expressions are no part of the row.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10), INDEX ((UPPER(a))), INDEX ((LENGTH(a)), a));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'x');
--> insert t {id: 1, a: "x"}
UPDATE t SET a = 'yy';
--> update t {id: 1, a: "x"} -> {id: 1, a: "yy"}
