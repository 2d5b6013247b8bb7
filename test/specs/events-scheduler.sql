-- Events of the source's scheduler arrive as statements.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
CREATE DEFINER=`root`@`localhost` EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO INSERT INTO t VALUES (1);
--> ddl CREATE EVENT t
ALTER DEFINER=`root`@`localhost` EVENT e DISABLE;
--> ddl ALTER EVENT
DROP EVENT e;
--> ddl DROP EVENT
