-- Statements that define things arrive from a session in STATEMENT format, too: they are no rows.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET binlog_format = 'STATEMENT';
ALTER TABLE t ADD COLUMN v INT;
--> ddl ALTER TABLE t
CREATE TEMPORARY TABLE p (id INT);
DROP TEMPORARY TABLE p;
TRUNCATE TABLE t;
--> ddl TRUNCATE TABLE t
SET binlog_format = 'ROW';
INSERT INTO t VALUES (1, 1);
--> insert t {id: 1, v: 1}
