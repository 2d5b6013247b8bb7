-- A session that switches compression on or off for itself changes nothing in what arrives.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, v MEDIUMTEXT);
--> ddl CREATE TABLE t
SET binlog_transaction_compression = ON;
INSERT INTO t VALUES (1, REPEAT('a', 100000));
--> insert t {id: 1, v: repeat("a", 100000)}
SET binlog_transaction_compression_level_zstd = 22;
START TRANSACTION;
INSERT INTO t VALUES (2, REPEAT('b', 1000));
UPDATE t SET id = 3 WHERE id = 2;
COMMIT;
--> begin
-->   insert t {id: 2, v: repeat("b", 1000)}
-->   update t {id: 2, v: repeat("b", 1000)} -> {id: 3, v: repeat("b", 1000)}
--> commit
SET binlog_transaction_compression = OFF;
DELETE FROM t;
--> begin
-->   delete t {id: 1, v: repeat("a", 100000)}
-->   delete t {id: 3, v: repeat("b", 1000)}
--> commit
