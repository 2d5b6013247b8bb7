-- CREATE OR REPLACE drops what was there before: its verb tells it apart from CREATE.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
CREATE OR REPLACE TABLE t (name VARCHAR(20));
--> ddl CREATE OR REPLACE TABLE t
INSERT INTO t VALUES ('new');
--> insert t {name: "new"}

-- A schema, with all its tables.
CREATE DATABASE `spec other`;
--> ddl CREATE DATABASE
CREATE OR REPLACE DATABASE `spec other`;
--> ddl CREATE OR REPLACE DATABASE
DROP DATABASE `spec other`;
--> ddl DROP DATABASE
