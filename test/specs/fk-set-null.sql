-- What ON DELETE SET NULL and ON UPDATE CASCADE change arrives from a server that logs it.
CREATE TABLE parent (id INT PRIMARY KEY);
--> ddl CREATE TABLE parent
CREATE TABLE child (id INT PRIMARY KEY, a INT, b INT, FOREIGN KEY (a) REFERENCES parent (id) ON DELETE SET NULL ON UPDATE CASCADE, FOREIGN KEY (b) REFERENCES parent (id) ON UPDATE CASCADE);
--> ddl CREATE TABLE child, parent
INSERT INTO parent VALUES (1), (2);
--> begin
-->   insert parent {id: 1}
-->   insert parent {id: 2}
--> commit
INSERT INTO child VALUES (1, 1, NULL), (2, 2, 2);
--> begin
-->   insert child {id: 1, a: 1, b: null}
-->   insert child {id: 2, a: 2, b: 2}
--> commit
DELETE FROM parent WHERE id = 1;
-- expect mariadb
--> delete parent {id: 1}
-- expect mysql
--> begin
-->   update child {id: 1, a: 1, b: null} -> {id: 1, a: null, b: null} foreign_key_checks=0
-->   delete parent {id: 1}
--> commit
UPDATE parent SET id = 3;
-- expect mariadb
--> update parent {id: 2} -> {id: 3}
-- expect mysql
--> begin
-->   update child {id: 2, a: 2, b: 2} -> {id: 2, a: 3, b: 2} foreign_key_checks=0
-->   update child {id: 2, a: 3, b: 2} -> {id: 2, a: 3, b: 3} foreign_key_checks=0
-->   update parent {id: 2} -> {id: 3}
--> commit
--@ fails ER_ROW_IS_REFERENCED_2
DELETE FROM parent;
