-- BIT can be the key.
CREATE TABLE t (k BIT(8) PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (0, 1), (255, 2);
--> begin
-->   insert t {k: x"00", v: 1}
-->   insert t {k: x"ff", v: 2}
--> commit
UPDATE t SET k = 1 WHERE k = 0;
--> update t {k: x"00", v: 1} -> {k: x"01", v: 1}
DELETE FROM t WHERE k = b'11111111';
--> delete t {k: x"ff", v: 2}
