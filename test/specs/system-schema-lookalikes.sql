-- Schemas that are called like one of the server's own, but for the case of letters or for what stands behind a dot, are the user's.
CREATE DATABASE `SYS`;
--> ddl CREATE DATABASE
CREATE TABLE `SYS`.t (id INT PRIMARY KEY);
--> ddl CREATE TABLE SYS.t
INSERT INTO `SYS`.t VALUES (1);
--> insert SYS.t {id: 1}
DROP DATABASE `SYS`;
--> ddl DROP DATABASE
CREATE DATABASE `Mysql`;
--> ddl CREATE DATABASE
CREATE TABLE `Mysql`.t (id INT PRIMARY KEY);
--> ddl CREATE TABLE Mysql.t
INSERT INTO `Mysql`.t VALUES (2);
--> insert Mysql.t {id: 2}
DROP DATABASE `Mysql`;
--> ddl DROP DATABASE
CREATE DATABASE `mysql.backup`;
--> ddl CREATE DATABASE
CREATE TABLE `mysql.backup`.t (id INT PRIMARY KEY);
--> ddl CREATE TABLE mysql.backup.t
INSERT INTO `mysql.backup`.t VALUES (3);
--> insert mysql.backup.t {id: 3}
DROP DATABASE `mysql.backup`;
--> ddl DROP DATABASE
