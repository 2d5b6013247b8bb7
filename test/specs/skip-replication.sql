-- A session's skip_replication and pseudo_slave_mode are for replicas: what it writes arrives.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET skip_replication = 1;
INSERT INTO t VALUES (1);
--> insert t {id: 1}
ALTER TABLE t ADD c INT;
--> ddl ALTER TABLE t
SET pseudo_slave_mode = 1;
INSERT INTO t VALUES (2, 3);
--> insert t {id: 2, c: 3}
