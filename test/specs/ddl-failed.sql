-- Statements that the source refuses never arrive.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
--@ fails ER_TABLE_EXISTS_ERROR
CREATE TABLE t (v INT);
--@ fails ER_PARSE_ERROR
ALTER TABLE t ADD COLUMN;
--@ fails ER_DUP_FIELDNAME
ALTER TABLE t ADD COLUMN id INT;
--@ fails ER_NO_SUCH_TABLE
TRUNCATE TABLE missing;
INSERT INTO t VALUES (1);
--> insert t {id: 1}
