-- What triggers write stands among the rows of the statement, where the server wrote it; BEFORE triggers show in the row.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
CREATE TABLE log (n INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(30));
--> ddl CREATE TABLE log
CREATE DEFINER=`root`@`localhost` TRIGGER bi BEFORE INSERT ON t FOR EACH ROW SET NEW.v = NEW.v * 10;
--> ddl CREATE TRIGGER t
CREATE DEFINER=`root`@`localhost` TRIGGER au AFTER UPDATE ON t FOR EACH ROW INSERT INTO log (what) VALUES (CONCAT(OLD.v, ' to ', NEW.v));
--> ddl CREATE TRIGGER t, log
CREATE DEFINER=`root`@`localhost` TRIGGER bd BEFORE DELETE ON t FOR EACH ROW INSERT INTO log (what) VALUES (CONCAT('gone ', OLD.id));
--> ddl CREATE TRIGGER t, log
INSERT INTO t VALUES (1, 1), (2, 2);
--> begin
-->   insert t {id: 1, v: 10}
-->   insert t {id: 2, v: 20}
--> commit
UPDATE t SET v = v + 1 ORDER BY id;
--> begin
-->   update t {id: 1, v: 10} -> {id: 1, v: 11}
-->   insert log {n: 1, what: "10 to 11"}
-->   update t {id: 2, v: 20} -> {id: 2, v: 21}
-->   insert log {n: 2, what: "20 to 21"}
--> commit
DELETE FROM t WHERE id = 2;
--> begin
-->   insert log {n: 3, what: "gone 2"}
-->   delete t {id: 2, v: 21}
--> commit
