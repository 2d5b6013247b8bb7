-- With partial images MariaDB leaves out what a REPLACE that updates a row sets to defaults, so that nothing can tell of it; MySQL does not.
CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(5) DEFAULT 'd', b BLOB);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1, 'x', x'00'), (2, 2, 'y', x'01');
--> begin
-->   insert t {id: 1, u: 1, v: "x", b: x"00"}
-->   insert t {id: 2, u: 2, v: "y", b: x"01"}
--> commit
SET binlog_row_image = 'MINIMAL';
REPLACE INTO t (id, u) VALUES (3, 1);
-- expect mariadb
--> update t {id: 1} -> {id: 3, u: 1}
-- expect mysql
--> update t {id: 1} -> {id: 3, u: 1, v: "d", b: null}
SET binlog_row_image = 'NOBLOB';
REPLACE INTO t (id, u) VALUES (4, 2);
-- expect mariadb
--> update t {id: 2, u: 2, v: "y"} -> {id: 4, u: 2, v: "d"}
-- expect mysql
--> update t {id: 2, u: 2, v: "y"} -> {id: 4, u: 2, v: "d", b: null}
SET binlog_row_image = 'FULL';
UPDATE t SET u = u + 10;
--> begin
-->   update t {id: 3, u: 1, v: "d", b: null} -> {id: 3, u: 11, v: "d", b: null}
-->   update t {id: 4, u: 2, v: "d", b: null} -> {id: 4, u: 12, v: "d", b: null}
--> commit
