-- What a session says of itself, as one does that applies another server's binlog, does not change what arrives.
CREATE TABLE t (id INT PRIMARY KEY, ts TIMESTAMP(6) NULL);
--> ddl CREATE TABLE t
SET time_zone = '+13:00';
INSERT INTO t VALUES (1, '2020-01-01 00:00:00');
--> insert t {id: 1, ts: "2019-12-31 11:00:00.000000"}
SET timestamp = 1;
INSERT INTO t VALUES (2, NOW(6));
--> insert t {id: 2, ts: "1970-01-01 00:00:01.000000"}
INSERT INTO t VALUES (3, NULL);
--> insert t {id: 3, ts: null}
