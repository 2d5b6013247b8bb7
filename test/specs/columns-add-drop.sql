-- Columns added, dropped, moved and renamed: each row has the columns of its time.
CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(10));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1, 'x');
--> insert t {id: 1, a: 1, b: "x"}
ALTER TABLE t ADD COLUMN c INT DEFAULT 3 AFTER id, ADD d DATE;
--> ddl ALTER TABLE t
UPDATE t SET a = 2;
--> update t {id: 1, c: 3, a: 1, b: "x", d: null} -> {id: 1, c: 3, a: 2, b: "x", d: null}
ALTER TABLE t DROP COLUMN a;
--> ddl ALTER TABLE t
UPDATE t SET b = 'y';
--> update t {id: 1, c: 3, b: "x", d: null} -> {id: 1, c: 3, b: "y", d: null}
ALTER TABLE t RENAME COLUMN b TO `new name`, CHANGE c c2 BIGINT;
--> ddl ALTER TABLE t
UPDATE t SET c2 = 4;
--> update t {id: 1, c2: 3n, "new name": "y", d: null} -> {id: 1, c2: 4n, "new name": "y", d: null}
ALTER TABLE t MODIFY d DATE FIRST;
--> ddl ALTER TABLE t
DELETE FROM t;
--> delete t {d: null, id: 1, c2: 4n, "new name": "y"}
