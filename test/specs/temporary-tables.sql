-- Temporary tables never arrive; what is copied out of them does.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
CREATE TEMPORARY TABLE p (id INT PRIMARY KEY);
INSERT INTO p VALUES (1), (2);
UPDATE p SET id = 3 WHERE id = 2;
INSERT INTO t SELECT id FROM p;
--> begin
-->   insert t {id: 1}
-->   insert t {id: 3}
--> commit
