-- What an XA transaction writes into a table that cannot roll back is there at once, whatever is decided later.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM;
--> ddl CREATE TABLE m
XA START 'mixed';
INSERT INTO t VALUES (1);
INSERT INTO m VALUES (10);
XA END 'mixed';
XA PREPARE 'mixed';
--> insert m {id: 10}
XA ROLLBACK 'mixed';
XA START 'mixed';
INSERT INTO m VALUES (11);
INSERT INTO t VALUES (2);
XA END 'mixed';
XA ROLLBACK 'mixed';
--> insert m {id: 11}
INSERT INTO t VALUES (3);
--> insert t {id: 3}
