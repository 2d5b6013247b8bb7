CREATE DATABASE crm_0;
CREATE TABLE crm_0.people (id INT PRIMARY KEY, name VARCHAR(40));
INSERT INTO crm_0.people VALUES (1, 'ann of 0'), (2, 'bob of 0');
CREATE DATABASE crm_1;
CREATE TABLE crm_1.people (id INT PRIMARY KEY, name VARCHAR(40));
INSERT INTO crm_1.people VALUES (1, 'ann of 1'), (2, 'bob of 1');
CREATE DATABASE crm_2;
CREATE TABLE crm_2.people (id INT PRIMARY KEY, name VARCHAR(40));
INSERT INTO crm_2.people VALUES (1, 'ann of 2'), (2, 'bob of 2');
