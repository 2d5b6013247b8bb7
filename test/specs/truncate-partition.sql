-- Partitions that are emptied, dropped or added arrive as statements, without the rows that they held.
CREATE TABLE t (id INT, v INT, PRIMARY KEY (id)) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1), (11, 1);
--> begin
-->   insert t {id: 1, v: 1}
-->   insert t {id: 11, v: 1}
--> commit
ALTER TABLE t TRUNCATE PARTITION a;
--> ddl ALTER TABLE t
ALTER TABLE t DROP PARTITION b;
--> ddl ALTER TABLE t
ALTER TABLE t ADD PARTITION (PARTITION c VALUES LESS THAN MAXVALUE);
--> ddl ALTER TABLE t
INSERT INTO t VALUES (100, 3);
--> insert t {id: 100, v: 3}
ALTER TABLE t REORGANIZE PARTITION c INTO (PARTITION d VALUES LESS THAN (50), PARTITION e VALUES LESS THAN MAXVALUE);
--> ddl ALTER TABLE t
ALTER TABLE t REMOVE PARTITIONING;
--> ddl ALTER TABLE t
