-- INSERT … VALUES with ROW(), aliases and TABLE arrives as rows.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES ROW(1, 1), ROW(2, 2);
--> begin
-->   insert t {id: 1, v: 1}
-->   insert t {id: 2, v: 2}
--> commit
INSERT INTO t VALUES (1, 5), (3, 3) AS new ON DUPLICATE KEY UPDATE v = new.v + 10;
--> begin
-->   update t {id: 1, v: 1} -> {id: 1, v: 15}
-->   insert t {id: 3, v: 3}
--> commit
CREATE TABLE u LIKE t;
--> ddl CREATE TABLE u, t
INSERT INTO u TABLE t ORDER BY id LIMIT 1;
--> insert u {id: 1, v: 15}
