-- Of a system-versioned table the current rows arrive, and not its history: what ends a row's life is a delete.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 10), (2, 20);
--> begin
-->   insert t {id: 1, v: 10}
-->   insert t {id: 2, v: 20}
--> commit
UPDATE t SET v = v + 1;
--> begin
-->   update t {id: 1, v: 10} -> {id: 1, v: 11}
-->   update t {id: 2, v: 20} -> {id: 2, v: 21}
--> commit
UPDATE t SET id = 5 WHERE id = 2;
--> update t {id: 2, v: 21} -> {id: 5, v: 21}
DELETE FROM t WHERE id = 5;
--> delete t {id: 5, v: 21}
INSERT INTO t VALUES (1, 0), (3, 30) ON DUPLICATE KEY UPDATE v = 12;
--> begin
-->   update t {id: 1, v: 11} -> {id: 1, v: 12}
-->   insert t {id: 3, v: 30}
--> commit
REPLACE INTO t VALUES (1, 13);
--> begin
-->   delete t {id: 1, v: 12}
-->   insert t {id: 1, v: 13}
--> commit
DELETE HISTORY FROM t;
BEGIN;
INSERT INTO t VALUES (7, 70);
UPDATE t SET v = 71 WHERE id = 7;
DELETE FROM t WHERE id = 7;
COMMIT;
--> begin
-->   insert t {id: 7, v: 70}
-->   update t {id: 7, v: 70} -> {id: 7, v: 71}
-->   delete t {id: 7, v: 71}
--> commit
