-- XA transactions that are rolled back never appear, prepared or not.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
XA START 'a';
INSERT INTO t VALUES (1);
XA END 'a';
XA ROLLBACK 'a';
XA START 'b';
INSERT INTO t VALUES (2);
XA END 'b';
XA PREPARE 'b';
XA ROLLBACK 'b';
-- The name may be used again.
XA START 'b';
INSERT INTO t VALUES (3);
XA END 'b';
XA PREPARE 'b';
XA COMMIT 'b';
--> insert t {id: 3}
