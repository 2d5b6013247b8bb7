-- CREATE TABLE … SELECT is one transaction: the table, then its rows.
CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(5));
--> ddl CREATE TABLE a
INSERT INTO a VALUES (1, 'x'), (2, NULL);
--> begin
-->   insert a {id: 1, v: "x"}
-->   insert a {id: 2, v: null}
--> commit
CREATE TABLE b AS SELECT id + 1 AS n, v FROM a ORDER BY id;
-- expect mariadb
--> begin
-->   ddl CREATE TABLE b: "CREATE TABLE `b` (\n  `n` bigint(12) NOT NULL,\n  `v` varchar(5) DEFAULT NULL\n)"
-->   insert b {n: 2n, v: "x"}
-->   insert b {n: 3n, v: null}
--> commit
-- expect mysql
--> begin
-->   ddl CREATE TABLE b: "CREATE TABLE `b` (\n  `n` bigint NOT NULL DEFAULT '0',\n  `v` varchar(5) DEFAULT NULL\n) START TRANSACTION"
-->   insert b {n: 2n, v: "x"}
-->   insert b {n: 3n, v: null}
--> commit
CREATE TABLE c LIKE a;
--> ddl CREATE TABLE c, a
INSERT INTO c SELECT * FROM a WHERE id = 1;
--> insert c {id: 1, v: "x"}
