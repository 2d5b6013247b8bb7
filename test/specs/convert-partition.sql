-- A partition that becomes a table arrives as a statement that names both.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1), (11);
--> begin
-->   insert t {id: 1}
-->   insert t {id: 11}
--> commit
ALTER TABLE t CONVERT PARTITION a TO TABLE u;
--> ddl ALTER TABLE t, u
INSERT INTO u VALUES (2);
--> insert u {id: 2}
UPDATE t SET id = 12;
--> update t {id: 11} -> {id: 12}
