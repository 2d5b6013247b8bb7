-- Schemas that are made, altered and dropped arrive as statements; a dropped one takes its tables along.
CREATE DATABASE IF NOT EXISTS spec_one CHARACTER SET latin1;
--> ddl CREATE DATABASE
CREATE TABLE spec_one.t (v VARCHAR(5));
--> ddl CREATE TABLE spec_one.t
INSERT INTO spec_one.t VALUES ('é');
--> insert spec_one.t {v: "é"}
ALTER DATABASE spec_one CHARACTER SET utf8mb4;
--> ddl ALTER DATABASE
CREATE TABLE spec_one.u (v VARCHAR(5));
--> ddl CREATE TABLE spec_one.u
INSERT INTO spec_one.u VALUES ('é日');
--> insert spec_one.u {v: "é日"}
USE spec_one;
INSERT INTO t VALUES ('ü');
--> insert spec_one.t {v: "ü"}
DROP SCHEMA spec_one;
--> ddl DROP DATABASE
CREATE DATABASE spec_one;
--> ddl CREATE DATABASE
CREATE TABLE spec_one.t (n INT);
--> ddl CREATE TABLE spec_one.t
INSERT INTO spec_one.t VALUES (1);
--> insert spec_one.t {n: 1}
DROP DATABASE spec_one;
--> ddl DROP DATABASE
