-- The server compares names of savepoints without accents: which of two that differ in nothing else is meant, it does not tell.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM;
--> ddl CREATE TABLE m
START TRANSACTION;
INSERT INTO t VALUES (1);
SAVEPOINT `é`;
INSERT INTO t VALUES (2);
INSERT INTO m VALUES (1);
ROLLBACK TO e;
INSERT INTO t VALUES (3);
COMMIT;
--> insert m {id: 1}
--> begin
-->   insert t {id: 1}
-->   insert t {id: 3}
--> commit
START TRANSACTION;
INSERT INTO t VALUES (11);
SAVEPOINT e;
INSERT INTO t VALUES (12);
SAVEPOINT `é`;
INSERT INTO t VALUES (13);
INSERT INTO m VALUES (2);
ROLLBACK TO e;
INSERT INTO t VALUES (14);
COMMIT;
--> insert m {id: 2}
--> stop UNSUPPORTED_EVENT
