-- GTIDs switched on, and off again, while the source runs leave neither a gap nor a repeat.
-- only mysql
-- server mysql: --gtid-mode=OFF --enforce-gtid-consistency=OFF
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET GLOBAL enforce_gtid_consistency = ON;
SET GLOBAL gtid_mode = OFF_PERMISSIVE;
INSERT INTO t VALUES (2);
--> insert t {id: 2}
SET GLOBAL gtid_mode = ON_PERMISSIVE;
INSERT INTO t VALUES (3);
--> insert t {id: 3}
SET GLOBAL gtid_mode = ON;
INSERT INTO t VALUES (4);
--> insert t {id: 4}
UPDATE t SET id = 5 WHERE id = 4;
--> update t {id: 4} -> {id: 5}
SET GLOBAL gtid_mode = ON_PERMISSIVE;
SET GLOBAL gtid_mode = OFF_PERMISSIVE;
INSERT INTO t VALUES (6);
--> insert t {id: 6}
SET GLOBAL gtid_mode = OFF;
SET GLOBAL enforce_gtid_consistency = OFF;
INSERT INTO t VALUES (7);
--> insert t {id: 7}
