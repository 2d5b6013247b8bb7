-- Settings for one statement (SET STATEMENT … FOR) change nothing in what arrives.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET STATEMENT max_statement_time = 100 FOR INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET STATEMENT lock_wait_timeout = 5 FOR ALTER TABLE t ADD COLUMN v INT;
--> ddl ALTER TABLE t
SET STATEMENT sql_log_bin = 0 FOR DELETE FROM t;
INSERT INTO t VALUES (2, 2);
--> insert t {id: 2, v: 2}
