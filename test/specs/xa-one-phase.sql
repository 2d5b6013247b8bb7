-- An XA transaction that is committed in one phase is a transaction like any other.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
XA START 'one';
INSERT INTO t VALUES (1);
INSERT INTO t VALUES (2);
XA END 'one';
XA COMMIT 'one' ONE PHASE;
--> begin
-->   insert t {id: 1}
-->   insert t {id: 2}
--> commit
INSERT INTO t VALUES (3);
--> insert t {id: 3}
