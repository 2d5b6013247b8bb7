-- An ALTER that the server logs when it begins and again when it ends is one change, at its end; one that fails is none.
-- only mariadb
SET SESSION binlog_alter_two_phase = ON;
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 5), (2, 5);
--> begin
-->   insert t {id: 1, v: 5}
-->   insert t {id: 2, v: 5}
--> commit
ALTER TABLE t ADD COLUMN w INT DEFAULT 7;
--> ddl ALTER TABLE t
--@ fails ER_DUP_ENTRY
ALTER TABLE t ADD UNIQUE (v);
INSERT INTO t VALUES (3, 6, 8);
--> insert t {id: 3, v: 6, w: 8}
CREATE INDEX w ON t (w);
--> ddl CREATE INDEX t
