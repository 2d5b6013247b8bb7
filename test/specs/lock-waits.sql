-- Two transactions that change the same row arrive in the order in which they committed.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 0), (2, 0);
--> begin
-->   insert t {id: 1, v: 0}
-->   insert t {id: 2, v: 0}
--> commit
START TRANSACTION;
UPDATE t SET v = 1 WHERE id = 1;
--@ session b
SET innodb_lock_wait_timeout = 1;
START TRANSACTION;
UPDATE t SET v = 2 WHERE id = 2;
--@ fails ER_LOCK_WAIT_TIMEOUT
UPDATE t SET v = 2 WHERE id = 1;
COMMIT;
--> update t {id: 2, v: 0} -> {id: 2, v: 2}
--@ session main
UPDATE t SET v = v + 1 WHERE id = 2;
COMMIT;
--> begin
-->   update t {id: 1, v: 0} -> {id: 1, v: 1}
-->   update t {id: 2, v: 2} -> {id: 2, v: 3}
--> commit
