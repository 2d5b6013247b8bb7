-- With autocommit off a transaction lasts from the first statement to COMMIT, or to a statement that commits by itself.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET autocommit = 0;
INSERT INTO t VALUES (1);
INSERT INTO t VALUES (2);
COMMIT;
--> begin
-->   insert t {id: 1}
-->   insert t {id: 2}
--> commit
INSERT INTO t VALUES (3);
ROLLBACK;
INSERT INTO t VALUES (4);
SET autocommit = 1;
--> insert t {id: 4}
INSERT INTO t VALUES (5);
--> insert t {id: 5}
