-- NOT NULL, keys and AUTO_INCREMENT change nothing in the value of an integer.
CREATE TABLE t (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, a TINYINT NOT NULL, b MEDIUMINT UNSIGNED NOT NULL UNIQUE);
--> ddl CREATE TABLE t
INSERT INTO t (a, b) VALUES (-1, 1), (1, 16777215);
--> begin
-->   insert t {id: 1n, a: -1, b: 1}
-->   insert t {id: 2n, a: 1, b: 16777215}
--> commit
INSERT INTO t VALUES (18446744073709551614, 0, 0);
--> insert t {id: 18446744073709551614n, a: 0, b: 0}
UPDATE t SET a = -128 WHERE id = 2;
--> update t {id: 2n, a: 1, b: 16777215} -> {id: 2n, a: -128, b: 16777215}
