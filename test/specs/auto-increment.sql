-- AUTO_INCREMENT values arrive as the server gave them, with the gaps of what was rolled back.
CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
INSERT INTO t (v) VALUES (1);
--> insert t {id: 1, v: 1}
START TRANSACTION;
INSERT INTO t (v) VALUES (2);
ROLLBACK;
INSERT INTO t (v) VALUES (3);
--> insert t {id: 3, v: 3}
SET auto_increment_increment = 10, auto_increment_offset = 5;
INSERT INTO t (v) VALUES (4), (5);
--> begin
-->   insert t {id: 5, v: 4}
-->   insert t {id: 15, v: 5}
--> commit
ALTER TABLE t AUTO_INCREMENT = 1000;
--> ddl ALTER TABLE t
INSERT INTO t (v) VALUES (6);
--> insert t {id: 1005, v: 6}
