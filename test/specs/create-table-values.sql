-- CREATE TABLE from another table, with definitions of its own, and OR REPLACE, arrive with the rows that they copied.
-- only mariadb
CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(5));
--> ddl CREATE TABLE a
INSERT INTO a VALUES (1, 'x'), (2, 'y');
--> begin
-->   insert a {id: 1, v: "x"}
-->   insert a {id: 2, v: "y"}
--> commit
CREATE OR REPLACE TABLE b (id INT PRIMARY KEY, n INT DEFAULT 5) AS SELECT id FROM a;
--> begin
-->   ddl CREATE OR REPLACE TABLE b: "CREATE OR REPLACE TABLE `b` (\n  `n` int(11) DEFAULT 5,\n  `id` int(11) NOT NULL,\n  PRIMARY KEY (`id`)\n)"
-->   insert b {n: 5, id: 1}
-->   insert b {n: 5, id: 2}
--> commit
CREATE OR REPLACE TABLE b AS SELECT v FROM a WHERE id = 2;
--> begin
-->   ddl CREATE OR REPLACE TABLE b: "CREATE OR REPLACE TABLE `b` (\n  `v` varchar(5) DEFAULT NULL\n)"
-->   insert b {v: "y"}
--> commit
CREATE TABLE IF NOT EXISTS b SELECT * FROM a;
