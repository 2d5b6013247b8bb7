-- Transactions of several sessions arrive whole and in the order of their commits.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
START TRANSACTION;
INSERT INTO t VALUES (1);
--@ session b
START TRANSACTION;
INSERT INTO t VALUES (2);
--@ session c
INSERT INTO t VALUES (3);
--> insert t {id: 3}
--@ session main
INSERT INTO t VALUES (4);
--@ session b
COMMIT;
--> insert t {id: 2}
--@ session main
COMMIT;
--> begin
-->   insert t {id: 1}
-->   insert t {id: 4}
--> commit
