-- ZEROFILL and display widths are the business of whoever prints a number: the number arrives.
CREATE TABLE t (a INT(5) ZEROFILL PRIMARY KEY, b BIGINT(20) ZEROFILL, c DECIMAL(8,2) ZEROFILL, d FLOAT ZEROFILL, e TINYINT(1));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (7, 7, 7.5, 7.5, 7);
--> insert t {a: 7, b: 7n, c: "7.50", d: 7.5, e: 7}
