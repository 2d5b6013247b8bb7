-- Tables partitioned by hash or key, with subpartitions, arrive as one table.
CREATE TABLE t (id INT, d DATE, PRIMARY KEY (id, d)) PARTITION BY RANGE (YEAR(d)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '2019-01-01'), (2, '2026-01-01');
--> begin
-->   insert t {id: 1, d: "2019-01-01"}
-->   insert t {id: 2, d: "2026-01-01"}
--> commit
CREATE TABLE k (id INT PRIMARY KEY) PARTITION BY KEY () PARTITIONS 3;
--> ddl CREATE TABLE k
INSERT INTO k VALUES (1), (2), (3), (4);
--> begin
-->   insert k {id: 1}
-->   insert k {id: 2}
-->   insert k {id: 3}
-->   insert k {id: 4}
--> commit
UPDATE k SET id = 10 WHERE id = 1;
--> update k {id: 1} -> {id: 10}
ALTER TABLE k COALESCE PARTITION 1;
--> ddl ALTER TABLE k
