-- Transactions of several GTID domains arrive in the order of the binlog.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET gtid_domain_id = 7;
INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET gtid_domain_id = 4294967295;
INSERT INTO t VALUES (2);
--> insert t {id: 2}
SET gtid_domain_id = 0;
INSERT INTO t VALUES (3);
--> insert t {id: 3}
SET gtid_domain_id = 7;
START TRANSACTION;
UPDATE t SET id = id + 10 WHERE id = 1;
DELETE FROM t WHERE id = 2;
COMMIT;
--> begin
-->   update t {id: 1} -> {id: 11}
-->   delete t {id: 2}
--> commit
--@ session b
SET gtid_domain_id = 12;
CREATE TABLE u LIKE t;
--> ddl CREATE TABLE u, t
INSERT INTO u VALUES (1);
--> insert u {id: 1}
