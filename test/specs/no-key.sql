-- A table without a key gives whole rows, equal ones as often as they are there.
CREATE TABLE t (a INT, b VARCHAR(5));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
--> begin
-->   insert t {a: 1, b: "x"}
-->   insert t {a: 1, b: "x"}
-->   insert t {a: null, b: null}
--> commit
UPDATE t SET b = 'y' WHERE a = 1 LIMIT 1;
--> update t {a: 1, b: "x"} -> {a: 1, b: "y"}
DELETE FROM t WHERE a IS NULL;
--> delete t {a: null, b: null}
-- A unique key that may be NULL is no primary key.
CREATE TABLE u (a INT UNIQUE, b INT);
--> ddl CREATE TABLE u
INSERT INTO u VALUES (NULL, 1), (NULL, 2);
--> begin
-->   insert u {a: null, b: 1}
-->   insert u {a: null, b: 2}
--> commit
