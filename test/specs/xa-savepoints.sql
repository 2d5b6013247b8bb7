-- What an XA transaction undoes itself, by ROLLBACK TO, is not in it when it commits.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
XA START 'undo';
INSERT INTO t VALUES (1);
SAVEPOINT a;
INSERT INTO t VALUES (2);
ROLLBACK TO a;
INSERT INTO t VALUES (3);
XA END 'undo';
XA PREPARE 'undo';
XA COMMIT 'undo';
--> begin
-->   insert t {id: 1}
-->   insert t {id: 3}
--> commit
