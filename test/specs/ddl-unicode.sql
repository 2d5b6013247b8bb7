-- Statements with characters of any language arrive as they were typed; names change as they say.
CREATE TABLE t (id INT PRIMARY KEY, `größe` INT COMMENT 'é€日😀');
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 2);
--> insert t {id: 1, größe: 2}
ALTER TABLE t RENAME COLUMN `größe` TO `大きさ`;
--> ddl ALTER TABLE t
UPDATE t SET `大きさ` = 3;
--> update t {id: 1, 大きさ: 2} -> {id: 1, 大きさ: 3}
