-- What procedures, functions and prepared statements do arrives as rows; they themselves arrive as statements.
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));
--> ddl CREATE TABLE t
DELIMITER //
CREATE DEFINER=`root`@`localhost` PROCEDURE fill(n INT) MODIFIES SQL DATA BEGIN
  DECLARE i INT DEFAULT 1;
  WHILE i <= n DO INSERT INTO t VALUES (i, CONCAT('row ', i)); SET i = i + 1; END WHILE;
END//
--> ddl CREATE PROCEDURE t: "CREATE DEFINER=`root`@`localhost` PROCEDURE `fill`(n INT)\n    MODIFIES SQL DATA\nBEGIN\n  DECLARE i INT DEFAULT 1;\n  WHILE i <= n DO INSERT INTO t VALUES (i, CONCAT('row ', i)); SET i = i + 1; END WHILE;\nEND"
DELIMITER ;
CALL fill(2);
--> insert t {id: 1, v: "row 1"}
--> insert t {id: 2, v: "row 2"}
START TRANSACTION;
CALL spec.fill(0);
DELETE FROM t WHERE id = 1;
COMMIT;
--> delete t {id: 1, v: "row 1"}
PREPARE s FROM 'INSERT INTO t VALUES (?, ?)';
SET @id = 7, @v = 'prepared';
EXECUTE s USING @id, @v;
--> insert t {id: 7, v: "prepared"}
DEALLOCATE PREPARE s;
DROP PROCEDURE fill;
--> ddl DROP PROCEDURE
