-- LOAD DATA as a statement stops the store.
SELECT '1,a' INTO OUTFILE './spec-statement-load.csv';
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(5));
--> ddl CREATE TABLE t
SET binlog_format = 'STATEMENT';
LOAD DATA INFILE './spec-statement-load.csv' INTO TABLE t FIELDS TERMINATED BY ',';
--> stop STATEMENT_EVENT
