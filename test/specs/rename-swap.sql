-- Tables that trade places keep their rows apart, as online schema changes need.
CREATE TABLE t (id INT PRIMARY KEY, v INT);
--> ddl CREATE TABLE t
CREATE TABLE _t_new (id INT PRIMARY KEY, v BIGINT, w INT);
--> ddl CREATE TABLE _t_new
INSERT INTO t VALUES (1, 1);
--> insert t {id: 1, v: 1}
INSERT INTO _t_new VALUES (1, 1, 1);
--> insert _t_new {id: 1, v: 1n, w: 1}
RENAME TABLE t TO _t_old, _t_new TO t;
--> ddl RENAME TABLE t, _t_old, _t_new
UPDATE t SET w = 2;
--> update t {id: 1, v: 1n, w: 1} -> {id: 1, v: 1n, w: 2}
UPDATE _t_old SET v = 3;
--> update _t_old {id: 1, v: 1} -> {id: 1, v: 3}
