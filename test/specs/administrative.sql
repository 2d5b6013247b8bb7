-- Statements that keep tables in order change nothing, and nothing arrives.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1);
--> insert t {id: 1}
ANALYZE TABLE t;
OPTIMIZE TABLE t;
CHECK TABLE t;
FLUSH TABLES;
FLUSH PRIVILEGES;
LOCK TABLES t WRITE;
UNLOCK TABLES;
CHECKSUM TABLE t;
DELETE FROM t;
--> delete t {id: 1}
