-- Generated and invisible columns are in the row.
CREATE TABLE t (id INT PRIMARY KEY, a INT, v INT AS (a * 2) VIRTUAL, s VARCHAR(10) AS (CONCAT('n', a)) STORED, i INT INVISIBLE DEFAULT 7);
--> ddl CREATE TABLE t
INSERT INTO t (id, a) VALUES (1, 2);
--> insert t {id: 1, a: 2, v: 4, s: "n2", i: 7}
INSERT INTO t (id, a, i) VALUES (2, NULL, NULL);
--> insert t {id: 2, a: null, v: null, s: null, i: null}
UPDATE t SET a = 5 WHERE id = 1;
--> update t {id: 1, a: 2, v: 4, s: "n2", i: 7} -> {id: 1, a: 5, v: 10, s: "n5", i: 7}
