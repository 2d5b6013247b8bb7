-- TIMESTAMP arrives in UTC, whatever the time zone of the session, of the server and of this process.
SET time_zone = '+05:30', sql_mode = '';
CREATE TABLE t (id INT PRIMARY KEY, a TIMESTAMP NULL, b TIMESTAMP(3) NULL, c TIMESTAMP(6) NULL);
--> ddl CREATE TABLE t

INSERT INTO t VALUES (1, '2026-11-22 05:29:59', '2026-11-22 05:30:00.001', '2026-11-22 05:30:00.000001');
--> insert t {id: 1, a: "2026-11-21 23:59:59", b: "2026-11-22 00:00:00.001", c: "2026-11-22 00:00:00.000001"}
SET time_zone = '+00:00';
INSERT INTO t VALUES (2, '1970-01-01 00:00:01', '2038-01-19 03:14:07.999', '2038-01-19 03:14:07.999999');
--> insert t {id: 2, a: "1970-01-01 00:00:01", b: "2038-01-19 03:14:07.999", c: "2038-01-19 03:14:07.999999"}
INSERT INTO t VALUES (3, 0, 0, 0), (4, NULL, NULL, NULL);
--> begin
-->   insert t {id: 3, a: "0000-00-00 00:00:00", b: "0000-00-00 00:00:00.000", c: "0000-00-00 00:00:00.000000"}
-->   insert t {id: 4, a: null, b: null, c: null}
--> commit

-- The two hours that New York calls 01:30 on one day in autumn are two.
INSERT INTO t VALUES (5, '2026-11-01 05:30:00', NULL, NULL), (6, '2026-11-01 06:30:00', NULL, NULL);
--> begin
-->   insert t {id: 5, a: "2026-11-01 05:30:00", b: null, c: null}
-->   insert t {id: 6, a: "2026-11-01 06:30:00", b: null, c: null}
--> commit

-- Given by the server.
CREATE TABLE u (id INT PRIMARY KEY, at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6));
--> ddl CREATE TABLE u
SET timestamp = 1000000000.123456;
INSERT INTO u (id) VALUES (1);
--> insert u {id: 1, at: "2001-09-09 01:46:40.123456"}
SET timestamp = 1000000001;
UPDATE u SET id = 2;
--> update u {id: 1, at: "2001-09-09 01:46:40.123456"} -> {id: 2, at: "2001-09-09 01:46:41.000000"}
