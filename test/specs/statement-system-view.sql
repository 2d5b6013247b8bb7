-- A view that somebody has put into the server's own schema may write any table: a statement in text through it stops the store.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
CREATE OR REPLACE VIEW mysql.spec_view AS SELECT * FROM t;
INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET SESSION binlog_format = 'STATEMENT';
INSERT INTO mysql.spec_view VALUES (2);
--> stop STATEMENT_EVENT
