-- ALTER TABLE that changes no column arrives as a statement; rows go on.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
ALTER TABLE t ENGINE = InnoDB;
--> ddl ALTER TABLE t
ALTER TABLE t COMMENT = 'it''s; a "comment"', ADD INDEX i (v), ALGORITHM = INPLACE;
--> ddl ALTER TABLE t
ALTER TABLE t ALTER v SET DEFAULT 5, DROP INDEX i;
--> ddl ALTER TABLE t
INSERT INTO t (id) VALUES (1);
--> insert t {id: 1, v: 5}
ALTER TABLE t ADD CONSTRAINT positive CHECK (v > 0);
--> ddl ALTER TABLE t
CREATE UNIQUE INDEX u ON t (v);
--> ddl CREATE INDEX t
DROP INDEX u ON t;
--> ddl DROP INDEX t
