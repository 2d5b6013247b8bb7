-- What was rolled back, wholly or to a savepoint, never arrives.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
START TRANSACTION;
INSERT INTO t VALUES (1);
ROLLBACK;
START TRANSACTION;
INSERT INTO t VALUES (2);
SAVEPOINT s;
INSERT INTO t VALUES (3);
ROLLBACK TO s;
INSERT INTO t VALUES (4);
COMMIT;
--> begin
-->   insert t {id: 2}
-->   insert t {id: 4}
--> commit

-- A failed statement takes back only itself.
START TRANSACTION;
INSERT INTO t VALUES (5);
--@ fails ER_DUP_ENTRY
INSERT INTO t VALUES (6), (2), (7);
INSERT INTO t VALUES (8);
COMMIT;
--> begin
-->   insert t {id: 5}
-->   insert t {id: 8}
--> commit
