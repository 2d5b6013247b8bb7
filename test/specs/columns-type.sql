-- A column that changes its type: rows before and after arrive each in theirs.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 42);
--> insert t {id: 1, v: 42}
ALTER TABLE t MODIFY v BIGINT;
--> ddl ALTER TABLE t
UPDATE t SET v = v + 1;
--> update t {id: 1, v: 42n} -> {id: 1, v: 43n}
ALTER TABLE t MODIFY v VARCHAR(20);
--> ddl ALTER TABLE t
UPDATE t SET v = CONCAT(v, '!');
--> update t {id: 1, v: "43"} -> {id: 1, v: "43!"}
ALTER TABLE t MODIFY v VARBINARY(20);
--> ddl ALTER TABLE t
UPDATE t SET v = CONCAT(v, x'00');
--> update t {id: 1, v: x"343321"} -> {id: 1, v: x"34332100"}
ALTER TABLE t MODIFY v TEXT, MODIFY id BIGINT UNSIGNED;
--> ddl ALTER TABLE t
UPDATE t SET v = 'end';
--> update t {id: 1n, v: "43!\u0000"} -> {id: 1n, v: "end"}
