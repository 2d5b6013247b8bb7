-- Columns that a session leaves out of the binlog are absent, which is not NULL.
CREATE TABLE t (id INT PRIMARY KEY, v INT, w VARCHAR(5), b BLOB);
--> ddl CREATE TABLE t
SET binlog_row_image = 'MINIMAL';
INSERT INTO t (id, v) VALUES (1, NULL);
--> insert t {id: 1, v: null}
UPDATE t SET w = 'x' WHERE id = 1;
--> update t {id: 1} -> {w: "x"}
DELETE FROM t WHERE id = 1;
--> delete t {id: 1}
SET binlog_row_image = 'NOBLOB';
INSERT INTO t VALUES (2, 2, 'y', x'00');
--> insert t {id: 2, v: 2, w: "y", b: x"00"}
UPDATE t SET v = 3;
--> update t {id: 2, v: 2, w: "y"} -> {id: 2, v: 3, w: "y"}
SET binlog_row_image = 'FULL';
UPDATE t SET v = 4;
--> update t {id: 2, v: 3, w: "y", b: x"00"} -> {id: 2, v: 4, w: "y", b: x"00"}
