-- VECTOR arrives as its numbers, the columns behind it as they are.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, v VECTOR(3), n INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, TO_VECTOR('[1, -2.5, 0]'), 7), (2, NULL, 8);
--> begin
-->   insert t {id: 1, v: [1, -2.5, 0], n: 7}
-->   insert t {id: 2, v: null, n: 8}
--> commit
