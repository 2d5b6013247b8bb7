-- Names of columns that the source does not write for a while are missed only by rows of that while.
CREATE TABLE t (id INT PRIMARY KEY, v ENUM('a', 'b,c'));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'b,c');
--> insert t {id: 1, v: "b,c"}
SET GLOBAL binlog_row_metadata = MINIMAL;
ALTER TABLE t ADD w INT;
--> ddl ALTER TABLE t
SET GLOBAL binlog_row_metadata = FULL;
INSERT INTO t VALUES (2, 'a', 3);
--> insert t {id: 2, v: "a", w: 3}
