-- Statements and rows name the schema that they concern, whatever the default schema is.
CREATE DATABASE spec_x;
--> ddl CREATE DATABASE
USE spec_x;
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE spec_x.t
CREATE TABLE spec.t LIKE t;
--> ddl CREATE TABLE t, spec_x.t
START TRANSACTION;
INSERT INTO t VALUES (1);
INSERT INTO spec.t SELECT * FROM t;
COMMIT;
--> begin
-->   insert spec_x.t {id: 1}
-->   insert t {id: 1}
--> commit
DROP DATABASE spec_x;
--> ddl DROP DATABASE
INSERT INTO spec.t VALUES (2);
--> insert t {id: 2}
