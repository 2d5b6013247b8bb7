-- LOAD DATA of more than one row event is still one transaction, its rows in the order of the file.
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(3000));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, REPEAT('a', 3000)), (2, REPEAT('b', 3000)), (3, REPEAT('c', 3000)), (4, REPEAT('d', 3000));
--> begin
-->   insert t {id: 1, v: repeat("a", 3000)}
-->   insert t {id: 2, v: repeat("b", 3000)}
-->   insert t {id: 3, v: repeat("c", 3000)}
-->   insert t {id: 4, v: repeat("d", 3000)}
--> commit
SELECT * FROM t ORDER BY id INTO OUTFILE './spec-load-big.csv';
TRUNCATE TABLE t;
--> ddl TRUNCATE TABLE t
LOAD DATA INFILE './spec-load-big.csv' INTO TABLE t;
--> begin
-->   insert t {id: 1, v: repeat("a", 3000)}
-->   insert t {id: 2, v: repeat("b", 3000)}
-->   insert t {id: 3, v: repeat("c", 3000)}
-->   insert t {id: 4, v: repeat("d", 3000)}
--> commit
