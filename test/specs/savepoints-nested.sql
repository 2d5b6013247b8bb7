-- Savepoints within savepoints: what lies between one and the return to it never arrives.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
START TRANSACTION;
INSERT INTO t VALUES (1);
SAVEPOINT a;
INSERT INTO t VALUES (2);
SAVEPOINT b;
INSERT INTO t VALUES (3);
ROLLBACK TO b;
INSERT INTO t VALUES (4);
RELEASE SAVEPOINT b;
ROLLBACK TO a;
SAVEPOINT a;
INSERT INTO t VALUES (5);
ROLLBACK TO a;
INSERT INTO t VALUES (6);
COMMIT AND CHAIN;
--> begin
-->   insert t {id: 1}
-->   insert t {id: 6}
--> commit
INSERT INTO t VALUES (7);
ROLLBACK AND CHAIN;
INSERT INTO t VALUES (8);
COMMIT;
--> insert t {id: 8}
