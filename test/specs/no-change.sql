-- Statements that change nothing bring nothing.
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(5), f DOUBLE);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'a', 0.5);
--> insert t {id: 1, v: "a", f: 0.5}
UPDATE t SET v = 'a';
UPDATE t SET id = 1, v = CONCAT('', 'a'), f = 1/2;
UPDATE t SET v = 'b' WHERE id = 5;
DELETE FROM t WHERE v IS NULL;
INSERT IGNORE INTO t VALUES (1, 'z', 9);
INSERT INTO t VALUES (1, 'z', 9) ON DUPLICATE KEY UPDATE v = v;
INSERT INTO t SELECT * FROM t WHERE FALSE;
SELECT * FROM t FOR UPDATE;
DO SLEEP(0);
SET @a = 1;
UPDATE t SET v = 'A';
--> update t {id: 1, v: "a", f: 0.5} -> {id: 1, v: "A", f: 0.5}
