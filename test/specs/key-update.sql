-- An update of the primary key is one update, with the row before and after.
CREATE TABLE t (a INT, b VARCHAR(5), v INT, PRIMARY KEY (a, b));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'x', 10), (2, 'y', 20);
--> begin
-->   insert t {a: 1, b: "x", v: 10}
-->   insert t {a: 2, b: "y", v: 20}
--> commit
UPDATE t SET a = a + 10, b = UPPER(b) WHERE a = 1;
--> update t {a: 1, b: "x", v: 10} -> {a: 11, b: "X", v: 10}
-- Several rows of one statement, in the order in which the server changed them.
UPDATE t SET a = a + 1 ORDER BY a DESC;
--> begin
-->   update t {a: 11, b: "X", v: 10} -> {a: 12, b: "X", v: 10}
-->   update t {a: 2, b: "y", v: 20} -> {a: 3, b: "y", v: 20}
--> commit
-- Nothing changes: nothing comes.
UPDATE t SET v = 20 WHERE a = 3;
UPDATE t SET v = 1 WHERE a = 99;
DELETE FROM t;
--> begin
-->   delete t {a: 3, b: "y", v: 20}
-->   delete t {a: 12, b: "X", v: 10}
--> commit
