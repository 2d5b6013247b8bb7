-- Transactions whose GTID carries a tag arrive like all others.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET gtid_next = 'AUTOMATIC:backup';
INSERT INTO t VALUES (1);
--> insert t {id: 1}
CREATE TABLE u (id INT PRIMARY KEY);
--> ddl CREATE TABLE u
SET gtid_next = 'AUTOMATIC:a_tag_of_thirty_two_letters_x';
START TRANSACTION;
INSERT INTO t VALUES (2);
INSERT INTO u VALUES (2);
COMMIT;
--> begin
-->   insert t {id: 2}
-->   insert u {id: 2}
--> commit
SET gtid_next = 'AUTOMATIC';
INSERT INTO t VALUES (3);
--> insert t {id: 3}
