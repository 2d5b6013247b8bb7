-- Columns added and dropped in an instant, without a copy of the table, arrive like any.
CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(5));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1, 'x');
--> insert t {id: 1, a: 1, b: "x"}
ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 7, ALGORITHM = INSTANT;
--> ddl ALTER TABLE t
ALTER TABLE t DROP COLUMN a, ALGORITHM = INSTANT;
--> ddl ALTER TABLE t
INSERT INTO t VALUES (2, 'y', 8);
--> insert t {id: 2, b: "y", c: 8}
UPDATE t SET c = c + 1;
--> begin
-->   update t {id: 1, b: "x", c: 7} -> {id: 1, b: "x", c: 8}
-->   update t {id: 2, b: "y", c: 8} -> {id: 2, b: "y", c: 9}
--> commit
