-- What a session keeps out of the binlog is nowhere.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET sql_log_bin = 0;
INSERT INTO t VALUES (1);
SET sql_log_bin = 1;
UPDATE t SET id = 2;
--> update t {id: 1} -> {id: 2}
