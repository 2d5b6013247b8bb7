-- A session that claims another server's version and time of commit, as a replica's does, does not change what arrives.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET original_commit_timestamp = 1500000000000000;
INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET immediate_server_version = 80000, original_server_version = 80011;
INSERT INTO t VALUES (2);
--> insert t {id: 2}
SET timestamp = 2147483647;
ALTER TABLE t ADD c INT;
--> ddl ALTER TABLE t
INSERT INTO t VALUES (3, 3);
--> insert t {id: 3, c: 3}
