-- REPLACE that meets several rows deletes all but one of them and updates this one, or deletes and inserts.
CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, w INT UNIQUE);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
--> begin
-->   insert t {id: 1, u: 1, w: 1}
-->   insert t {id: 2, u: 2, w: 2}
-->   insert t {id: 3, u: 3, w: 3}
--> commit
REPLACE INTO t VALUES (1, 2, 3);
--> begin
-->   delete t {id: 1, u: 1, w: 1}
-->   delete t {id: 2, u: 2, w: 2}
-->   update t {id: 3, u: 3, w: 3} -> {id: 1, u: 2, w: 3}
--> commit
REPLACE INTO t VALUES (1, 2, 3);
--> begin
-->   delete t {id: 1, u: 2, w: 3}
-->   insert t {id: 1, u: 2, w: 3}
--> commit
REPLACE INTO t VALUES (9, 9, 9);
--> insert t {id: 9, u: 9, w: 9}
-- With triggers, what REPLACE removes it deletes.
CREATE TABLE log (id INT);
--> ddl CREATE TABLE log
CREATE DEFINER=`root`@`localhost` TRIGGER d AFTER DELETE ON t FOR EACH ROW INSERT INTO log VALUES (OLD.id);
--> ddl CREATE TRIGGER t, log
REPLACE INTO t VALUES (9, 8, 8);
--> begin
-->   delete t {id: 9, u: 9, w: 9}
-->   insert log {id: 9}
-->   insert t {id: 9, u: 8, w: 8}
--> commit
