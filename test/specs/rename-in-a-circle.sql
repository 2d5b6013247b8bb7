-- Three tables that change their names with each other in one statement have the columns of their new names from there on.
CREATE TABLE a (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE a
CREATE TABLE b (id INT PRIMARY KEY, s VARCHAR(10));
--> ddl CREATE TABLE b
CREATE TABLE c (x DATE, id INT PRIMARY KEY);
--> ddl CREATE TABLE c
RENAME TABLE a TO tmp, b TO a, c TO b, tmp TO c;
--> ddl RENAME TABLE a, tmp, b, c
INSERT INTO a VALUES (2, 'x');
--> insert a {id: 2, s: "x"}
INSERT INTO b VALUES ('2020-01-01', 3);
--> insert b {x: "2020-01-01", id: 3}
INSERT INTO c VALUES (4, 4);
--> insert c {id: 4, v: 4}
ALTER TABLE a RENAME TO d, ADD COLUMN n INT FIRST;
--> ddl ALTER TABLE a, d
INSERT INTO d VALUES (7, 5, 'z');
--> insert d {n: 7, id: 5, s: "z"}
LOCK TABLES d WRITE, b WRITE;
ALTER TABLE d DROP COLUMN n, ADD COLUMN q INT INVISIBLE;
--> ddl ALTER TABLE d
INSERT INTO d (id, s, q) VALUES (6, 'q', 1);
--> insert d {id: 6, s: "q", q: 1}
TRUNCATE TABLE b;
--> ddl TRUNCATE TABLE b
UNLOCK TABLES;
INSERT INTO b VALUES ('2020-01-01', 3);
--> insert b {x: "2020-01-01", id: 3}
