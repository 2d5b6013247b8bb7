-- A statement that fails on its last row leaves nothing of itself, in a transaction or alone.
CREATE TABLE t (id INT PRIMARY KEY, v TINYINT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1);
--> insert t {id: 1, v: 1}
--@ fails ER_DUP_ENTRY
INSERT INTO t VALUES (2, 2), (1, 2);
START TRANSACTION;
INSERT INTO t VALUES (3, 3);
--@ fails ER_DUP_ENTRY
UPDATE t SET id = 9;
--@ fails ER_WARN_DATA_OUT_OF_RANGE
INSERT INTO t VALUES (4, 4), (5, 500);
DELETE FROM t WHERE id = 1;
COMMIT;
--> begin
-->   insert t {id: 3, v: 3}
-->   delete t {id: 1, v: 1}
--> commit
