-- An XA transaction may be decided binlog files later, and after its table has changed: its rows keep their columns.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
CREATE TABLE u (id INT PRIMARY KEY);
--> ddl CREATE TABLE u
XA START 'late';
INSERT INTO t VALUES (1, 10);
XA END 'late';
XA PREPARE 'late';
--@ session other
FLUSH BINARY LOGS;
ALTER TABLE u ADD COLUMN w INT;
--> ddl ALTER TABLE u
INSERT INTO u VALUES (5, 6);
--> insert u {id: 5, w: 6}
FLUSH BINARY LOGS;
--@ session main
XA COMMIT 'late';
--> insert t {id: 1, v: 10}
ALTER TABLE t DROP COLUMN v;
--> ddl ALTER TABLE t
INSERT INTO t VALUES (2);
--> insert t {id: 2}
