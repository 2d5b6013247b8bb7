-- A session that writes statements instead of rows stops the store: it could not know which rows these changed.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1);
--> insert t {id: 1, v: 1}
SET binlog_format = 'STATEMENT';
UPDATE t SET v = 2;
--> stop STATEMENT_EVENT
