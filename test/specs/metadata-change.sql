-- Where the source writes no names of columns any more, the store stops instead of guessing them.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1);
--> insert t {id: 1, v: 1}
SET GLOBAL binlog_row_metadata = MINIMAL;
INSERT INTO t VALUES (2, 2);
--> stop SOURCE_CONFIG
