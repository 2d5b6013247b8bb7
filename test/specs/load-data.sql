-- LOAD DATA arrives as the rows that it wrote, in one transaction.
SELECT * FROM (SELECT 1 AS id, 'a' AS v UNION SELECT 2, 'b,c' UNION SELECT 3, NULL) AS x ORDER BY id INTO OUTFILE './spec-load.csv' CHARACTER SET utf8mb4;
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10), n INT DEFAULT 5);
--> ddl CREATE TABLE t
LOAD DATA INFILE './spec-load.csv' INTO TABLE t (id, v);
--> begin
-->   insert t {id: 1, v: "a", n: 5}
-->   insert t {id: 2, v: "b,c", n: 5}
-->   insert t {id: 3, v: null, n: 5}
--> commit
LOAD DATA INFILE './spec-load.csv' REPLACE INTO TABLE t (id, @v) SET v = UPPER(@v), n = id;
--> begin
-->   update t {id: 1, v: "a", n: 5} -> {id: 1, v: "A", n: 1}
-->   update t {id: 2, v: "b,c", n: 5} -> {id: 2, v: "B,C", n: 2}
-->   update t {id: 3, v: null, n: 5} -> {id: 3, v: null, n: 3}
--> commit
LOAD DATA INFILE './spec-load.csv' IGNORE INTO TABLE t (@id, v) SET id = @id + 2;
--> begin
-->   insert t {id: 4, v: "b,c", n: 5}
-->   insert t {id: 5, v: null, n: 5}
--> commit
