-- Rows that trade their unique values do so by the updates that the server did.
CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 10), (2, 20), (3, 30);
--> begin
-->   insert t {id: 1, u: 10}
-->   insert t {id: 2, u: 20}
-->   insert t {id: 3, u: 30}
--> commit
START TRANSACTION;
UPDATE t SET u = NULL WHERE id = 1;
UPDATE t SET u = 10 WHERE id = 2;
UPDATE t SET u = 20 WHERE id = 1;
COMMIT;
--> begin
-->   update t {id: 1, u: 10} -> {id: 1, u: null}
-->   update t {id: 2, u: 20} -> {id: 2, u: 10}
-->   update t {id: 1, u: null} -> {id: 1, u: 20}
--> commit
UPDATE t SET id = id + 1 ORDER BY id DESC;
--> begin
-->   update t {id: 3, u: 30} -> {id: 4, u: 30}
-->   update t {id: 2, u: 10} -> {id: 3, u: 10}
-->   update t {id: 1, u: 20} -> {id: 2, u: 20}
--> commit
--@ fails ER_DUP_ENTRY
UPDATE t SET id = id + 1 ORDER BY id;
