-- INSERT … SELECT arrives as rows, from whatever they came.
CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20));
--> ddl CREATE TABLE t
INSERT INTO t (v) SELECT 'a' UNION ALL SELECT 'b';
--> begin
-->   insert t {id: 1, v: "a"}
-->   insert t {id: 2, v: "b"}
--> commit
INSERT INTO t (v) SELECT CONCAT(v, v) FROM t ORDER BY id;
--> begin
-->   insert t {id: 4, v: "aa"}
-->   insert t {id: 5, v: "bb"}
--> commit
INSERT INTO t (v) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n;
--> begin
-->   insert t {id: 7, v: "1"}
-->   insert t {id: 8, v: "2"}
-->   insert t {id: 9, v: "3"}
--> commit
INSERT INTO t SET v = 'set';
--> insert t {id: 10, v: "set"}
