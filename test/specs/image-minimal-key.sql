-- In a session with minimal images, rows without a primary key arrive whole, and an update of the key has both.
CREATE TABLE t (id INT PRIMARY KEY, v INT, w INT);
--> ddl CREATE TABLE t
CREATE TABLE n (a INT, b INT);
--> ddl CREATE TABLE n
INSERT INTO t VALUES (1, 1, 1);
--> insert t {id: 1, v: 1, w: 1}
INSERT INTO n VALUES (1, 1);
--> insert n {a: 1, b: 1}
SET binlog_row_image = 'MINIMAL';
UPDATE t SET id = 2;
--> update t {id: 1} -> {id: 2}
UPDATE t SET v = NULL, w = 5;
--> update t {id: 2} -> {v: null, w: 5}
UPDATE n SET b = 2;
-- expect mariadb
--> update n {a: 1, b: 1} -> {a: 1, b: 2}
-- expect mysql
--> update n {a: 1, b: 1} -> {b: 2}
DELETE FROM n;
--> delete n {a: 1, b: 2}
INSERT INTO t (id) VALUES (3);
--> insert t {id: 3}
