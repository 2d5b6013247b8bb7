-- ENUM and SET that are not NULL have a default; a wrong label is the empty text where the server lets it pass.
SET sql_mode = '';
CREATE TABLE t (id INT PRIMARY KEY, e ENUM('first', 'second') NOT NULL, s SET('a', 'b') NOT NULL DEFAULT 'b');
--> ddl CREATE TABLE t
INSERT INTO t (id) VALUES (1);
--> insert t {id: 1, e: "first", s: "b"}
INSERT INTO t VALUES (2, 'third', 'a,c');
--> insert t {id: 2, e: "", s: "a"}
INSERT INTO t VALUES (3, 2, 3), (4, 0, 0);
--> begin
-->   insert t {id: 3, e: "second", s: "a,b"}
-->   insert t {id: 4, e: "", s: ""}
--> commit
UPDATE t SET e = 'second', s = '' WHERE id = 2;
--> update t {id: 2, e: "", s: "a"} -> {id: 2, e: "second", s: ""}
