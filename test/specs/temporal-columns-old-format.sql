-- Dates and times in the format of MariaDB 5.3 arrive as those of today.
-- only mariadb
SET GLOBAL mysql56_temporal_format = OFF;
CREATE TABLE t (id INT PRIMARY KEY, a TIME, b TIME(3), c DATETIME, d DATETIME(6), e TIMESTAMP NULL, f TIMESTAMP(2) NULL);
--> ddl CREATE TABLE t
SET GLOBAL mysql56_temporal_format = ON;
SET time_zone = '+00:00';
INSERT INTO t VALUES (1, '-12:00:00', '-00:00:00.001', '2026-11-22 01:02:03', '9999-12-31 23:59:59.999999', '2026-11-22 01:02:03', '2026-11-22 01:02:03.04');
--> insert t {id: 1, a: "-12:00:00", b: "-00:00:00.001", c: "2026-11-22 01:02:03", d: "9999-12-31 23:59:59.999999", e: "2026-11-22 01:02:03", f: "2026-11-22 01:02:03.04"}
INSERT INTO t VALUES (2, '838:59:59', '838:59:59.999', '0001-01-01 00:00:00', '0001-01-01 00:00:00.000001', NULL, '2038-01-19 03:14:07.99');
--> insert t {id: 2, a: "838:59:59", b: "838:59:59.999", c: "0001-01-01 00:00:00", d: "0001-01-01 00:00:00.000001", e: null, f: "2038-01-19 03:14:07.99"}
