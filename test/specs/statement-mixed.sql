-- With binlog_format = MIXED what the source writes as a statement stops the store, too.
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(40));
--> ddl CREATE TABLE t
SET binlog_format = 'MIXED';
-- What cannot be repeated as a statement is written as rows.
INSERT INTO t SELECT 1, LENGTH(UUID());
--> insert t {id: 1, v: "36"}
INSERT INTO t VALUES (2, 'x');
--> stop STATEMENT_EVENT
