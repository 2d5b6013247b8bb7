-- INSERT IGNORE brings the rows that went in, as the server stored them.
CREATE TABLE t (id INT PRIMARY KEY, v TINYINT NOT NULL, e ENUM('a', 'b'));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1, 'a');
--> insert t {id: 1, v: 1, e: "a"}
INSERT IGNORE INTO t VALUES (1, 9, 'b'), (2, 500, 'zzz'), (3, NULL, NULL), (3, 1, 'a'), (4, 4, 'b');
--> begin
-->   insert t {id: 2, v: 127, e: ""}
-->   insert t {id: 3, v: 0, e: null}
-->   insert t {id: 4, v: 4, e: "b"}
--> commit
UPDATE IGNORE t SET id = id - 1 ORDER BY id DESC;
--> update t {id: 1, v: 1, e: "a"} -> {id: 0, v: 1, e: "a"}
