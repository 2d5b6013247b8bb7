-- Cascades over several tables, and of a table into itself, arrive from a server that logs them.
CREATE TABLE a (id INT PRIMARY KEY);
--> ddl CREATE TABLE a
CREATE TABLE b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE);
--> ddl CREATE TABLE b, a
CREATE TABLE c (id INT PRIMARY KEY, b INT, FOREIGN KEY (b) REFERENCES b (id) ON DELETE CASCADE);
--> ddl CREATE TABLE c, b
INSERT INTO a VALUES (1);
--> insert a {id: 1}
INSERT INTO b VALUES (1, 1);
--> insert b {id: 1, a: 1}
INSERT INTO c VALUES (1, 1);
--> insert c {id: 1, b: 1}
DELETE FROM a;
-- expect mariadb
--> delete a {id: 1}
-- expect mysql
--> begin
-->   delete b {id: 1, a: 1} foreign_key_checks=0
-->   delete c {id: 1, b: 1} foreign_key_checks=0
-->   delete a {id: 1}
--> commit
CREATE TABLE tree (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE);
--> ddl CREATE TABLE tree
INSERT INTO tree VALUES (1, NULL);
--> insert tree {id: 1, up: null}
INSERT INTO tree VALUES (2, 1);
--> insert tree {id: 2, up: 1}
DELETE FROM tree WHERE id = 1;
-- expect mariadb
--> delete tree {id: 1, up: null}
-- expect mysql
--> begin
-->   delete tree {id: 2, up: 1} foreign_key_checks=0
-->   delete tree {id: 1, up: null} foreign_key_checks=0
--> commit
