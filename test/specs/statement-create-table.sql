-- CREATE TABLE … TABLE as a statement stops the store, like CREATE TABLE … SELECT.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET SESSION binlog_format = 'STATEMENT';
CREATE TABLE u TABLE t;
--> stop STATEMENT_EVENT
