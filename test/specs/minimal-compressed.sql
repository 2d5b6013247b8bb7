-- Minimal row images within compressed transactions have the same absent columns as in plain ones.
-- server mysql: --binlog-transaction-compression=ON
-- server mariadb: --log-bin-compress=ON --log-bin-compress-min-len=10
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200), w INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, REPEAT('a', 200), 1);
--> insert t {id: 1, v: repeat("a", 200), w: 1}
SET binlog_row_image = 'MINIMAL';
UPDATE t SET v = REPEAT('b', 200);
--> update t {id: 1} -> {v: repeat("b", 200)}
UPDATE t SET w = NULL;
--> update t {id: 1} -> {w: null}
DELETE FROM t;
--> delete t {id: 1}
