-- Rows written through a view belong to its table; views themselves arrive as statements.
CREATE TABLE t (id INT PRIMARY KEY, v INT, w INT DEFAULT 9);
--> ddl CREATE TABLE t
CREATE DEFINER=`root`@`localhost` VIEW x AS SELECT id, v FROM t WHERE v > 0 WITH CHECK OPTION;
--> ddl CREATE VIEW x, t: "CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `x` AS SELECT id, v FROM t WHERE v > 0 WITH CHECK OPTION"
INSERT INTO x VALUES (1, 1);
--> insert t {id: 1, v: 1, w: 9}
UPDATE x SET v = 2;
--> update t {id: 1, v: 1, w: 9} -> {id: 1, v: 2, w: 9}
--@ fails ER_VIEW_CHECK_FAILED
INSERT INTO x VALUES (2, 0);
DELETE FROM x;
--> delete t {id: 1, v: 2, w: 9}
DROP VIEW x;
--> ddl DROP VIEW x
