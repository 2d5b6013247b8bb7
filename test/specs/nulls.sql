-- NULLs beyond the first byte of the row's bitmap fall on their own columns.
CREATE TABLE t (id INT PRIMARY KEY, c1 INT, c2 INT, c3 INT, c4 INT, c5 INT, c6 INT, c7 INT, c8 INT, c9 INT, c10 INT, c11 INT, c12 INT, c13 INT, c14 INT, c15 INT, c16 INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, NULL, 2, 3, 4, 5, 6, 7, NULL, 9, 10, 11, 12, 13, 14, 15, NULL);
--> insert t {id: 1, c1: null, c2: 2, c3: 3, c4: 4, c5: 5, c6: 6, c7: 7, c8: null, c9: 9, c10: 10, c11: 11, c12: 12, c13: 13, c14: 14, c15: 15, c16: null}
UPDATE t SET c1 = 1, c7 = NULL, c8 = 8, c15 = NULL, c16 = 16;
--> update t {id: 1, c1: null, c2: 2, c3: 3, c4: 4, c5: 5, c6: 6, c7: 7, c8: null, c9: 9, c10: 10, c11: 11, c12: 12, c13: 13, c14: 14, c15: 15, c16: null} -> {id: 1, c1: 1, c2: 2, c3: 3, c4: 4, c5: 5, c6: 6, c7: null, c8: 8, c9: 9, c10: 10, c11: 11, c12: 12, c13: 13, c14: 14, c15: null, c16: 16}
