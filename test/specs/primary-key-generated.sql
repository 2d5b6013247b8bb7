-- A primary key that the server made by itself (sql_generate_invisible_primary_key) is a column of the row.
-- only mysql
SET sql_generate_invisible_primary_key = ON;
CREATE TABLE t (a INT);
--> ddl CREATE TABLE t: "CREATE TABLE `t` (\n  `my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */,\n  `a` int DEFAULT NULL,\n  PRIMARY KEY (`my_row_id`)\n)"
INSERT INTO t VALUES (5), (6);
--> begin
-->   insert t {my_row_id: 1n, a: 5}
-->   insert t {my_row_id: 2n, a: 6}
--> commit
DELETE FROM t WHERE a = 5;
--> delete t {my_row_id: 1n, a: 5}
