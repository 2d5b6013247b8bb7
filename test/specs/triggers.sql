-- Rows that triggers write are part of the transaction.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(20));
--> ddl CREATE TABLE log
DELIMITER //
CREATE DEFINER=`root`@`localhost` TRIGGER t_insert AFTER INSERT ON t FOR EACH ROW BEGIN
  INSERT INTO log (what) VALUES (CONCAT('new ', NEW.id));
  INSERT INTO log (what) VALUES ('second');
END//
DELIMITER ;
--> ddl CREATE TRIGGER t, log
INSERT INTO t VALUES (1, 1);
--> begin
-->   insert t {id: 1, v: 1}
-->   insert log {id: 1, what: "new 1"}
-->   insert log {id: 2, what: "second"}
--> commit
DROP TRIGGER t_insert;
--> ddl DROP TRIGGER
