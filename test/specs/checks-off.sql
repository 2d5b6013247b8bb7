-- A session without checks of keys says so with each row, and only its own.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
SET foreign_key_checks = 0, unique_checks = 0;
INSERT INTO t VALUES (1, 1), (2, 2);
--> begin
-->   insert t {id: 1, v: 1} foreign_key_checks=0 unique_checks=0
-->   insert t {id: 2, v: 2} foreign_key_checks=0 unique_checks=0
--> commit
UPDATE t SET v = 3 WHERE id = 1;
--> update t {id: 1, v: 1} -> {id: 1, v: 3} foreign_key_checks=0 unique_checks=0
DELETE FROM t WHERE id = 1;
--> delete t {id: 1, v: 3} foreign_key_checks=0 unique_checks=0
--@ session b
DELETE FROM t WHERE id = 2;
--> delete t {id: 2, v: 2}
