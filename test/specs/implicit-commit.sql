-- Statements that commit what is open end the transaction before their own.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
START TRANSACTION;
INSERT INTO t VALUES (1);
CREATE TABLE u (id INT PRIMARY KEY);
--> insert t {id: 1}
--> ddl CREATE TABLE u
INSERT INTO t VALUES (2);
--> insert t {id: 2}
START TRANSACTION;
INSERT INTO t VALUES (3);
TRUNCATE TABLE u;
--> insert t {id: 3}
--> ddl TRUNCATE TABLE u
START TRANSACTION;
INSERT INTO t VALUES (4);
START TRANSACTION;
--> insert t {id: 4}
ROLLBACK;
START TRANSACTION;
INSERT INTO t VALUES (5);
LOCK TABLES u WRITE;
--> insert t {id: 5}
UNLOCK TABLES;
ROLLBACK;
