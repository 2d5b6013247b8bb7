-- UPDATE and DELETE of several tables at once are one transaction, in the order in which the server went about it.
CREATE TABLE a (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE a
CREATE TABLE b (id INT PRIMARY KEY, a_id INT, v INT);
--> ddl CREATE TABLE b
INSERT INTO a VALUES (1, 1);
--> insert a {id: 1, v: 1}
INSERT INTO b VALUES (7, 1, 1);
--> insert b {id: 7, a_id: 1, v: 1}
UPDATE a JOIN b ON b.a_id = a.id SET a.v = 2, b.v = 3;
-- expect mariadb
--> begin
-->   update a {id: 1, v: 1} -> {id: 1, v: 2}
-->   update b {id: 7, a_id: 1, v: 1} -> {id: 7, a_id: 1, v: 3}
--> commit
-- expect mysql
--> begin
-->   update b {id: 7, a_id: 1, v: 1} -> {id: 7, a_id: 1, v: 3}
-->   update a {id: 1, v: 1} -> {id: 1, v: 2}
--> commit
DELETE a, b FROM a JOIN b ON b.a_id = a.id;
-- expect mariadb
--> begin
-->   delete a {id: 1, v: 2}
-->   delete b {id: 7, a_id: 1, v: 3}
--> commit
-- expect mysql
--> begin
-->   delete b {id: 7, a_id: 1, v: 3}
-->   delete a {id: 1, v: 2}
--> commit
