-- Temporary tables made, filled and dropped within a transaction leave no trace in it.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
START TRANSACTION;
INSERT INTO t VALUES (1);
CREATE TEMPORARY TABLE p (id INT PRIMARY KEY);
INSERT INTO p VALUES (5);
INSERT INTO t SELECT id FROM p;
DROP TEMPORARY TABLE p;
COMMIT;
--> begin
-->   insert t {id: 1}
-->   insert t {id: 5}
--> commit
-- A temporary table hides one of the same name.
CREATE TEMPORARY TABLE t (other VARCHAR(5));
INSERT INTO t VALUES ('x');
ALTER TABLE t ADD COLUMN more INT;
TRUNCATE TABLE t;
DROP TEMPORARY TABLE IF EXISTS t;
UPDATE t SET id = 6 WHERE id = 5;
--> update t {id: 5} -> {id: 6}
