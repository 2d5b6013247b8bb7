-- REPLACE and INSERT … ON DUPLICATE KEY UPDATE arrive as what they did to the rows.
CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 10, 1), (2, 20, 1);
--> begin
-->   insert t {id: 1, u: 10, v: 1}
-->   insert t {id: 2, u: 20, v: 1}
--> commit
REPLACE INTO t VALUES (3, 30, 1);
--> insert t {id: 3, u: 30, v: 1}
-- One row meets two others, by two keys: one is deleted, the other becomes the new one.
REPLACE INTO t VALUES (1, 20, 2);
--> begin
-->   delete t {id: 1, u: 10, v: 1}
-->   update t {id: 2, u: 20, v: 1} -> {id: 1, u: 20, v: 2}
--> commit
INSERT INTO t VALUES (1, 99, 9), (5, 50, 1) ON DUPLICATE KEY UPDATE v = v + 1;
--> begin
-->   update t {id: 1, u: 20, v: 2} -> {id: 1, u: 20, v: 3}
-->   insert t {id: 5, u: 50, v: 1}
--> commit
INSERT IGNORE INTO t VALUES (5, 51, 1), (6, 60, 1);
--> insert t {id: 6, u: 60, v: 1}
