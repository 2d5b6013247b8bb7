-- A table becomes system-versioned and plain again, and two moments alone make no versioned table.
-- only mariadb
SET time_zone = '+00:00';
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 10);
--> insert t {id: 1, v: 10}
ALTER TABLE t ADD SYSTEM VERSIONING;
--> ddl ALTER TABLE t
UPDATE t SET v = 11;
--> update t {id: 1, v: 10} -> {id: 1, v: 11}
SET SESSION binlog_row_image = MINIMAL;
UPDATE t SET v = 12;
--> update t {id: 1} -> {id: 1, v: 12}
DELETE FROM t;
--> delete t {id: 1}
SET SESSION binlog_row_image = FULL;
INSERT INTO t VALUES (2, 20);
--> insert t {id: 2, v: 20}
SET SESSION system_versioning_alter_history = KEEP;
ALTER TABLE t DROP SYSTEM VERSIONING;
--> ddl ALTER TABLE t
DELETE FROM t WHERE id = 2;
--> delete t {id: 2, v: 20}
CREATE TABLE u (id INT, row_start TIMESTAMP(6) NOT NULL, row_end TIMESTAMP(6) NOT NULL);
--> ddl CREATE TABLE u
INSERT INTO u VALUES (1, '2020-01-01 00:00:00', '2020-01-02 00:00:00');
--> insert u {id: 1, row_start: "2020-01-01 00:00:00.000000", row_end: "2020-01-02 00:00:00.000000"}
