-- A prepared XA transaction arrives with its decision, in the place of the decision; what commits in between comes first.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
XA START 'order', 'branch', 7;
INSERT INTO t VALUES (1, 10), (2, 20);
UPDATE t SET v = 11 WHERE id = 1;
XA END 'order', 'branch', 7;
XA PREPARE 'order', 'branch', 7;
--@ session other
INSERT INTO t VALUES (3, 30);
--> insert t {id: 3, v: 30}
--@ session main
XA COMMIT 'order', 'branch', 7;
--> begin
-->   insert t {id: 1, v: 10}
-->   insert t {id: 2, v: 20}
-->   update t {id: 1, v: 10} -> {id: 1, v: 11}
--> commit
UPDATE t SET v = 12 WHERE id = 1;
--> update t {id: 1, v: 11} -> {id: 1, v: 12}
