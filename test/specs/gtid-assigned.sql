-- Transactions with a GTID that a session chose, of another server, arrive; those that are empty count and say nothing.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET gtid_next = '11111111-2222-3333-4444-555555555555:5';
INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET gtid_next = '11111111-2222-3333-4444-555555555555:6';
START TRANSACTION;
COMMIT;
SET gtid_next = '11111111-2222-3333-4444-555555555555:8';
INSERT INTO t VALUES (2);
--> insert t {id: 2}
SET gtid_next = 'AUTOMATIC';
INSERT INTO t VALUES (3);
--> insert t {id: 3}
