-- Of several prepared XA transactions each arrives when it is decided, not in the order in which they were prepared.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
XA START 'first';
INSERT INTO t VALUES (1);
XA END 'first';
XA PREPARE 'first';
--@ session second
XA START x'00ff27', x'5c';
INSERT INTO t VALUES (2);
XA END x'00ff27', x'5c';
XA PREPARE x'00ff27', x'5c';
--@ session third
XA START 'third';
INSERT INTO t VALUES (3);
XA END 'third';
XA PREPARE 'third';
XA COMMIT 'third';
--> insert t {id: 3}
--@ session second
XA COMMIT x'00ff27', x'5c';
--> insert t {id: 2}
--@ session main
XA COMMIT 'first';
--> insert t {id: 1}
