-- Where the source itself could not write to its binlog what a statement did to a table without transactions, the store stops.
CREATE TABLE m (id INT, v LONGBLOB) ENGINE=MyISAM;
--> ddl CREATE TABLE m
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET GLOBAL max_binlog_stmt_cache_size = 4096;
SET GLOBAL binlog_stmt_cache_size = 4096;
--@ session b
INSERT INTO t VALUES (1);
--> insert t {id: 1}
--@ fails ER_STMT_CACHE_FULL
INSERT INTO m VALUES (1, REPEAT('a', 3000)), (2, REPEAT('b', 50000));
INSERT INTO t VALUES (2);
--> stop UNSUPPORTED_EVENT
