-- A versioned table may declare the columns of its row's life itself, anywhere; then they arrive like others.
-- only mariadb
SET timestamp = 1700000000, time_zone = '+00:00';
CREATE TABLE t (
  began TIMESTAMP(6) GENERATED ALWAYS AS ROW START,
  id INT PRIMARY KEY,
  ended TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE,
  v INT,
  moment TIMESTAMP(6) NOT NULL,
  PERIOD FOR SYSTEM_TIME (began, ended)
) WITH SYSTEM VERSIONING;
--> ddl CREATE TABLE t
INSERT INTO t (id, v, moment) VALUES (1, 10, '2020-01-01 00:00:00');
--> insert t {began: "2023-11-14 22:13:20.000000", id: 1, ended: "2038-01-19 03:14:07.999999", v: 10, moment: "2020-01-01 00:00:00.000000"}
SET timestamp = 1700000001;
UPDATE t SET v = 11;
--> update t {began: "2023-11-14 22:13:20.000000", id: 1, ended: "2038-01-19 03:14:07.999999", v: 10, moment: "2020-01-01 00:00:00.000000"} -> {began: "2023-11-14 22:13:21.000000", id: 1, ended: "2038-01-19 03:14:07.999999", v: 11, moment: "2020-01-01 00:00:00.000000"}
SET timestamp = 1700000002;
DELETE FROM t;
--> delete t {began: "2023-11-14 22:13:21.000000", id: 1, ended: "2038-01-19 03:14:07.999999", v: 11, moment: "2020-01-01 00:00:00.000000"}
