-- A transaction of many statements and rows arrives as one, in order.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
START TRANSACTION;
INSERT INTO t VALUES (1, 0);
INSERT INTO t SELECT id + 1, 0 FROM t;
INSERT INTO t SELECT id + 2, 0 FROM t ORDER BY id;
UPDATE t SET v = id ORDER BY id DESC;
DELETE FROM t WHERE id % 2 = 0 ORDER BY id;
REPLACE INTO t VALUES (1, 100), (9, 9);
COMMIT;
--> begin
-->   insert t {id: 1, v: 0}
-->   insert t {id: 2, v: 0}
-->   insert t {id: 3, v: 0}
-->   insert t {id: 4, v: 0}
-->   update t {id: 4, v: 0} -> {id: 4, v: 4}
-->   update t {id: 3, v: 0} -> {id: 3, v: 3}
-->   update t {id: 2, v: 0} -> {id: 2, v: 2}
-->   update t {id: 1, v: 0} -> {id: 1, v: 1}
-->   delete t {id: 2, v: 2}
-->   delete t {id: 4, v: 4}
-->   update t {id: 1, v: 1} -> {id: 1, v: 100}
-->   insert t {id: 9, v: 9}
--> commit
