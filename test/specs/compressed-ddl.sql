-- Long statements arrive whole where the source compresses its binlog.
-- server mysql: --binlog-transaction-compression=ON
-- server mariadb: --log-bin-compress=ON --log-bin-compress-min-len=10
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10) DEFAULT 'é日😀' COMMENT 'A long comment that says the same again and again and again and again and again and again and again, and again.');
--> ddl CREATE TABLE t
ALTER TABLE t COMMENT = 'A long comment that says the same again and again and again and again and again and again and again, and again.';
--> ddl ALTER TABLE t
INSERT INTO t (id) VALUES (1);
--> insert t {id: 1, v: "é日😀"}
