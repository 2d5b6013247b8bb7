-- The text of statements that the source writes beside the rows is left out.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET binlog_rows_query_log_events = ON;
INSERT INTO t VALUES (1), (2);
--> begin
-->   insert t {id: 1}
-->   insert t {id: 2}
--> commit
UPDATE t SET id = 3 WHERE id = 1;
--> update t {id: 1} -> {id: 3}
