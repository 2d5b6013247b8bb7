-- TRUNCATE arrives as a statement, without the rows that it removed.
CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT);
--> ddl CREATE TABLE t
INSERT INTO t (v) VALUES (1), (2);
--> begin
-->   insert t {id: 1, v: 1}
-->   insert t {id: 2, v: 2}
--> commit
TRUNCATE TABLE t;
--> ddl TRUNCATE TABLE t
INSERT INTO t (v) VALUES (3);
--> insert t {id: 1, v: 3}
