-- CREATE OR REPLACE TABLE … SELECT that fails has dropped the table that was there: that arrives, though the source rolls the rest back.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1);
--> insert t {id: 1}
--@ fails ER_DUP_ENTRY
CREATE OR REPLACE TABLE t (id INT PRIMARY KEY) SELECT 1 AS id UNION ALL SELECT 1;
--> ddl DROP TABLE t: "DROP TABLE IF EXISTS `spec`.`t`/* Generated to handle failed CREATE OR REPLACE */"
CREATE TABLE t (id VARCHAR(5));
--> ddl CREATE TABLE t
INSERT INTO t VALUES ('x');
--> insert t {id: "x"}
