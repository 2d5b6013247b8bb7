-- New binlog files in between change nothing, also while a transaction is open.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
START TRANSACTION;
INSERT INTO t VALUES (1);
--@ session b
FLUSH BINARY LOGS;
FLUSH BINARY LOGS;
INSERT INTO t VALUES (2);
--> insert t {id: 2}
--@ session main
COMMIT;
--> insert t {id: 1}
FLUSH LOGS;
UPDATE t SET id = 3 WHERE id = 2;
--> update t {id: 2} -> {id: 3}
