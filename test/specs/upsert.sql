-- INSERT … ON DUPLICATE KEY UPDATE arrives as inserts and updates, row by row in the order of the statement.
CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 10, 0), (2, 20, 0);
--> begin
-->   insert t {id: 1, u: 10, v: 0}
-->   insert t {id: 2, u: 20, v: 0}
--> commit
INSERT INTO t VALUES (3, 30, 0), (1, 99, 0), (4, 20, 0) ON DUPLICATE KEY UPDATE v = v + 1;
--> begin
-->   insert t {id: 3, u: 30, v: 0}
-->   update t {id: 1, u: 10, v: 0} -> {id: 1, u: 10, v: 1}
-->   update t {id: 2, u: 20, v: 0} -> {id: 2, u: 20, v: 1}
--> commit
INSERT INTO t VALUES (1, 0, 0) ON DUPLICATE KEY UPDATE id = 100, u = 11;
--> update t {id: 1, u: 10, v: 1} -> {id: 100, u: 11, v: 1}
INSERT INTO t SELECT 2, 2, 2 ON DUPLICATE KEY UPDATE v = VALUES(v) + 5;
--> update t {id: 2, u: 20, v: 1} -> {id: 2, u: 20, v: 7}
