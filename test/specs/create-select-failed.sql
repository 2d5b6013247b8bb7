-- CREATE TABLE … SELECT or RENAME that fails half-way leaves nothing.
CREATE TABLE a (id INT);
--> ddl CREATE TABLE a
INSERT INTO a VALUES (1), (1);
--> begin
-->   insert a {id: 1}
-->   insert a {id: 1}
--> commit
--@ fails ER_DUP_ENTRY
CREATE TABLE b (id INT PRIMARY KEY) AS SELECT id FROM a;
--@ fails ER_NO_SUCH_TABLE
RENAME TABLE a TO c, missing TO d;
INSERT INTO a VALUES (2);
--> insert a {id: 2}
