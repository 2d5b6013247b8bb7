-- UPDATE and DELETE … FOR PORTION OF a period arrive as the updates and inserts that they come to.
-- only mariadb
CREATE TABLE t (id INT, v INT, a DATE, b DATE, PERIOD FOR p (a, b));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1, '2026-01-01', '2026-12-31');
--> insert t {id: 1, v: 1, a: "2026-01-01", b: "2026-12-31"}
UPDATE t FOR PORTION OF p FROM '2026-03-01' TO '2026-04-01' SET v = 2;
--> begin
-->   update t {id: 1, v: 1, a: "2026-01-01", b: "2026-12-31"} -> {id: 1, v: 2, a: "2026-03-01", b: "2026-04-01"}
-->   insert t {id: 1, v: 1, a: "2026-01-01", b: "2026-03-01"}
-->   insert t {id: 1, v: 1, a: "2026-04-01", b: "2026-12-31"}
--> commit
DELETE FROM t FOR PORTION OF p FROM '2026-06-01' TO '2026-07-01';
--> begin
-->   update t {id: 1, v: 1, a: "2026-04-01", b: "2026-12-31"} -> {id: 1, v: 1, a: "2026-04-01", b: "2026-06-01"}
-->   insert t {id: 1, v: 1, a: "2026-07-01", b: "2026-12-31"}
--> commit
