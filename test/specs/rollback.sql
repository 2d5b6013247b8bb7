-- What was rolled back, wholly or to a savepoint, never arrives.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM;
--> ddl CREATE TABLE m
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

-- With a table that cannot roll back, the server writes the savepoint and its rollback into the binlog.
START TRANSACTION;
INSERT INTO t VALUES (10);
SAVEPOINT `a b`;
INSERT INTO t VALUES (11);
INSERT INTO m VALUES (1);
SAVEPOINT c;
INSERT INTO t VALUES (12);
ROLLBACK TO `a b`;
INSERT INTO t VALUES (13);
COMMIT;
--> insert m {id: 1}
--> begin
-->   insert t {id: 10}
-->   insert t {id: 13}
--> commit
