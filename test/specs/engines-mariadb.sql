-- Aria tables arrive like others; what they stored survives a ROLLBACK.
-- only mariadb
CREATE TABLE a (id INT PRIMARY KEY, v TEXT) ENGINE = Aria TRANSACTIONAL = 1;
--> ddl CREATE TABLE a
CREATE TABLE m (id INT PRIMARY KEY) ENGINE = Aria TRANSACTIONAL = 0;
--> ddl CREATE TABLE m
START TRANSACTION;
INSERT INTO a VALUES (1, 'x'), (2, NULL);
--> begin
-->   insert a {id: 1, v: "x"}
-->   insert a {id: 2, v: null}
--> commit
INSERT INTO m VALUES (1);
--> insert m {id: 1}
ROLLBACK;
DELETE FROM a WHERE id = 1;
--> delete a {id: 1, v: "x"}
