-- UPDATE and DELETE with joins and subqueries arrive as the rows that they changed.
CREATE TABLE a (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE a
CREATE TABLE b (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE b
INSERT INTO a VALUES (1, 1), (2, 2), (3, 3);
--> begin
-->   insert a {id: 1, v: 1}
-->   insert a {id: 2, v: 2}
-->   insert a {id: 3, v: 3}
--> commit
INSERT INTO b VALUES (1, 10), (2, 20);
--> begin
-->   insert b {id: 1, v: 10}
-->   insert b {id: 2, v: 20}
--> commit
UPDATE a LEFT JOIN b ON a.id = b.id SET a.v = b.v;
--> begin
-->   update a {id: 1, v: 1} -> {id: 1, v: 10}
-->   update a {id: 2, v: 2} -> {id: 2, v: 20}
-->   update a {id: 3, v: 3} -> {id: 3, v: null}
--> commit
UPDATE a SET v = (SELECT MAX(v) FROM b) WHERE id IN (SELECT id FROM b WHERE id = 1);
--> update a {id: 1, v: 10} -> {id: 1, v: 20}
DELETE a FROM a LEFT JOIN b ON a.id = b.id WHERE b.id IS NULL;
--> delete a {id: 3, v: null}
DELETE FROM b WHERE EXISTS (SELECT 1 FROM a WHERE a.id = b.id AND a.id = 2);
--> delete b {id: 2, v: 20}
WITH x AS (SELECT 7 AS n) SELECT * FROM x;
