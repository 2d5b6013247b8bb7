-- Rows without the annotations that MariaDB writes beside them are the same rows.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET binlog_annotate_row_events = OFF;
INSERT INTO t VALUES (1), (2);
--> begin
-->   insert t {id: 1}
-->   insert t {id: 2}
--> commit
SET binlog_annotate_row_events = ON;
DELETE FROM t WHERE id = 1;
--> delete t {id: 1}
