-- With a table that cannot roll back, the server writes savepoints and their rollback into the binlog.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM;
--> ddl CREATE TABLE m
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
