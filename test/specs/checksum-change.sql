-- Checksums of the binlog switched off and on while the store reads change nothing.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET GLOBAL binlog_checksum = NONE;
INSERT INTO t VALUES (2);
--> insert t {id: 2}
FLUSH BINARY LOGS;
INSERT INTO t VALUES (3);
--> insert t {id: 3}
SET GLOBAL binlog_checksum = CRC32;
INSERT INTO t VALUES (4);
--> insert t {id: 4}
