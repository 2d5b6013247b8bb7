-- Transactions that a session writes under another server id arrive like all others.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET server_id = 4294967295;
INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET server_id = 1;
INSERT INTO t VALUES (2);
--> insert t {id: 2}
