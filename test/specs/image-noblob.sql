-- In a session with images without unchanged BLOBs, these are absent where they did not change.
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(5), b BLOB, x TEXT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'a', x'01', 'text');
--> insert t {id: 1, v: "a", b: x"01", x: "text"}
SET binlog_row_image = 'NOBLOB';
UPDATE t SET v = 'b';
--> update t {id: 1, v: "a"} -> {id: 1, v: "b"}
UPDATE t SET x = 'more';
--> update t {id: 1, v: "b"} -> {id: 1, v: "b", x: "more"}
UPDATE t SET b = NULL;
--> update t {id: 1, v: "b"} -> {id: 1, v: "b", b: null}
DELETE FROM t;
--> delete t {id: 1, v: "b"}
