-- BOOLEAN is a TINYINT: it arrives as a number, any one that was stored.
CREATE TABLE t (id INT PRIMARY KEY, b BOOLEAN, c BOOL NOT NULL DEFAULT TRUE);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, TRUE, FALSE), (2, FALSE, DEFAULT), (3, -128, 127), (4, NULL, 2);
--> begin
-->   insert t {id: 1, b: 1, c: 0}
-->   insert t {id: 2, b: 0, c: 1}
-->   insert t {id: 3, b: -128, c: 127}
-->   insert t {id: 4, b: null, c: 2}
--> commit
