-- Statements in text on the server's own tables are left out where they cannot have written others.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
SET SESSION binlog_format = 'STATEMENT';
INSERT INTO mysql.time_zone_name(Name, Time_zone_id) VALUES ('spec/zone', 9999) ON DUPLICATE KEY UPDATE Time_zone_id = 9999;
DELETE FROM mysql.time_zone_name WHERE Name = CONCAT('spec', '/zone');
SET SESSION binlog_format = 'ROW';
INSERT INTO t VALUES (1);
--> insert t {id: 1}
SET SESSION binlog_format = 'STATEMENT';
INSERT INTO mysql.time_zone_name SELECT 'spec/view', 9999;
--> stop STATEMENT_EVENT
