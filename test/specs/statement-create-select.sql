-- CREATE TABLE … SELECT as a statement stops the store: the rows are not in it.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET binlog_format = 'STATEMENT';
CREATE TABLE u AS SELECT id FROM t;
--> stop STATEMENT_EVENT
