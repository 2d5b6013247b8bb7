-- Rows of a table that cannot roll back are a transaction of their own, and survive the rollback of the others.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY) ENGINE = InnoDB;
--> ddl CREATE TABLE t
CREATE TABLE m (id INT PRIMARY KEY, v VARCHAR(5)) ENGINE = MyISAM;
--> ddl CREATE TABLE m
CREATE TABLE a (id INT PRIMARY KEY) ENGINE = Aria;
--> ddl CREATE TABLE a
START TRANSACTION;
INSERT INTO t VALUES (1);
INSERT INTO m VALUES (1, 'a');
COMMIT;
--> insert m {id: 1, v: "a"}
--> insert t {id: 1}
START TRANSACTION;
INSERT INTO t VALUES (2);
UPDATE m SET v = 'b';
INSERT INTO a VALUES (1);
ROLLBACK;
--> update m {id: 1, v: "a"} -> {id: 1, v: "b"}
--> insert a {id: 1}
