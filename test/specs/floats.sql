-- FLOAT arrives as the number nearest to its four bytes, DOUBLE exactly.
CREATE TABLE t (id INT PRIMARY KEY, f FLOAT, d DOUBLE);
--> ddl CREATE TABLE t

INSERT INTO t VALUES (1, 0.5, 0.1), (2, 3.4, 3.4), (3, -1e-3, -1e-300), (4, 0, 0), (5, NULL, NULL);
--> begin
-->   insert t {id: 1, f: 0.5, d: 0.1}
-->   insert t {id: 2, f: 3.4000000953674316, d: 3.4}
-->   insert t {id: 3, f: -0.0010000000474974513, d: -1e-300}
-->   insert t {id: 4, f: 0, d: 0}
-->   insert t {id: 5, f: null, d: null}
--> commit
INSERT INTO t VALUES (6, 3.402823466e38, 1.7976931348623157e308), (7, 1.4e-45, 5e-324), (8, 16777217, 9007199254740993);
--> begin
-->   insert t {id: 6, f: 3.4028234663852886e38, d: 1.7976931348623157e308}
-->   insert t {id: 7, f: 1.401298464324817e-45, d: 5e-324}
-->   insert t {id: 8, f: 16777216, d: 9007199254740992}
--> commit
