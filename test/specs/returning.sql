-- INSERT, REPLACE and DELETE … RETURNING arrive as their rows.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1), (2, 2) RETURNING id, v + 1;
--> begin
-->   insert t {id: 1, v: 1}
-->   insert t {id: 2, v: 2}
--> commit
REPLACE INTO t VALUES (1, 5) RETURNING *;
--> update t {id: 1, v: 1} -> {id: 1, v: 5}
DELETE FROM t WHERE id = 2 RETURNING v;
--> delete t {id: 2, v: 2}
