-- A partition exchanged with a table arrives as a statement that names both; later rows belong to the table they are in.
CREATE TABLE t (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20));
--> ddl CREATE TABLE t
CREATE TABLE u (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE u
INSERT INTO t VALUES (1, 1);
--> insert t {id: 1, v: 1}
INSERT INTO u VALUES (2, 2);
--> insert u {id: 2, v: 2}
ALTER TABLE t EXCHANGE PARTITION a WITH TABLE u;
--> ddl ALTER TABLE t, u
UPDATE t SET v = 3;
--> update t {id: 2, v: 2} -> {id: 2, v: 3}
UPDATE u SET v = 4;
--> update u {id: 1, v: 1} -> {id: 1, v: 4}
