-- Compressed transactions give exactly what plain ones give.
-- server mysql: --binlog-transaction-compression=ON
-- server mariadb: --log-bin-compress=ON --log-bin-compress-min-len=10
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(1000), b BLOB);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, REPEAT('a', 1000), REPEAT(x'00', 5000)), (2, '', NULL);
--> begin
-->   insert t {id: 1, v: repeat("a", 1000), b: repeat(x"00", 5000)}
-->   insert t {id: 2, v: "", b: null}
--> commit
START TRANSACTION;
UPDATE t SET v = REPEAT('é', 500) WHERE id = 1;
SAVEPOINT s;
DELETE FROM t;
ROLLBACK TO s;
INSERT INTO t VALUES (3, 'x', x'ff');
DELETE FROM t WHERE id = 2;
COMMIT;
--> begin
-->   update t {id: 1, v: repeat("a", 1000), b: repeat(x"00", 5000)} -> {id: 1, v: repeat("é", 500), b: repeat(x"00", 5000)}
-->   insert t {id: 3, v: "x", b: x"ff"}
-->   delete t {id: 2, v: "", b: null}
--> commit
ALTER TABLE t DROP COLUMN b, ADD COLUMN n INT DEFAULT 7;
--> ddl ALTER TABLE t
UPDATE t SET n = NULL WHERE id = 3;
--> update t {id: 3, v: "x", n: 7} -> {id: 3, v: "x", n: null}
CREATE TABLE u AS SELECT id, n FROM t WHERE id = 3;
-- expect mariadb
--> begin
-->   ddl CREATE TABLE u: "CREATE TABLE `u` (\n  `id` int(11) NOT NULL,\n  `n` int(11) DEFAULT 7\n)"
-->   insert u {id: 3, n: null}
--> commit
-- expect mysql
--> begin
-->   ddl CREATE TABLE u: "CREATE TABLE `u` (\n  `id` int NOT NULL,\n  `n` int DEFAULT '7'\n) START TRANSACTION"
-->   insert u {id: 3, n: null}
--> commit
INSERT INTO t SELECT id + 10, v, n FROM t;
--> begin
-->   insert t {id: 11, v: repeat("é", 500), n: 7}
-->   insert t {id: 13, v: "x", n: null}
--> commit
TRUNCATE TABLE u;
--> ddl TRUNCATE TABLE u
