-- BINARY has its whole width, zeros at its end included; VARBINARY has what was written.
CREATE TABLE t (k BINARY(3) PRIMARY KEY, v VARBINARY(3));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (x'000000', x'000000'), (x'610000', x'6100'), (x'616263', x'');
--> begin
-->   insert t {k: x"000000", v: x"000000"}
-->   insert t {k: x"610000", v: x"6100"}
-->   insert t {k: x"616263", v: x""}
--> commit
UPDATE t SET k = x'6200' WHERE k = x'610000';
--> update t {k: x"610000", v: x"6100"} -> {k: x"620000", v: x"6100"}
DELETE FROM t WHERE k = x'';
DELETE FROM t WHERE k = x'000000';
--> delete t {k: x"000000", v: x"000000"}
