-- Columns become visible and invisible, and are in the row all the time.
CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT DEFAULT 7 INVISIBLE);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1);
--> insert t {id: 1, a: 1, b: 7}
ALTER TABLE t MODIFY b INT DEFAULT 7;
--> ddl ALTER TABLE t
INSERT INTO t VALUES (2, 2, 2);
--> insert t {id: 2, a: 2, b: 2}
