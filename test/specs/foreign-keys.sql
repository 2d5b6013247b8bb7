-- Rows say whether keys were checked; what a foreign key cascades comes only from a server that logs it.
CREATE TABLE parent (id INT PRIMARY KEY);
--> ddl CREATE TABLE parent
CREATE TABLE child (id INT PRIMARY KEY, parent_id INT, FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE);
--> ddl CREATE TABLE child, parent
SET foreign_key_checks = 0;
INSERT INTO child VALUES (1, 99);
--> insert child {id: 1, parent_id: 99} foreign_key_checks=0
SET unique_checks = 0;
UPDATE child SET id = 2;
--> update child {id: 1, parent_id: 99} -> {id: 2, parent_id: 99} foreign_key_checks=0 unique_checks=0
SET foreign_key_checks = 1;
INSERT INTO parent VALUES (1);
--> insert parent {id: 1} unique_checks=0
SET unique_checks = 1;
INSERT INTO child VALUES (3, 1);
--> insert child {id: 3, parent_id: 1}
DELETE FROM parent;
-- expect mariadb
--> delete parent {id: 1}
-- expect mysql
--> begin
-->   delete child {id: 3, parent_id: 1} foreign_key_checks=0
-->   delete parent {id: 1}
--> commit

-- Both settings within one transaction.
START TRANSACTION;
INSERT INTO parent VALUES (2);
SET foreign_key_checks = 0;
INSERT INTO child VALUES (4, 98);
COMMIT;
--> begin
-->   insert parent {id: 2}
-->   insert child {id: 4, parent_id: 98} foreign_key_checks=0
--> commit
