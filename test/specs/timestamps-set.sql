-- Any time that a session claims to have changes nothing in the order of what arrives.
CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
--> ddl CREATE TABLE t
SET time_zone = '+00:00', timestamp = 2147483647;
INSERT INTO t (id) VALUES (1);
--> insert t {id: 1, at: "2038-01-19 03:14:07"}
SET timestamp = 1;
INSERT INTO t (id) VALUES (2);
--> insert t {id: 2, at: "1970-01-01 00:00:01"}
SET timestamp = DEFAULT;
INSERT INTO t VALUES (3, '2026-11-22 00:00:00');
--> insert t {id: 3, at: "2026-11-22 00:00:00"}
