-- Changes of the server's own tables never arrive.
CREATE TABLE t (id INT PRIMARY KEY);
--> ddl CREATE TABLE t
INSERT INTO mysql.time_zone_name VALUES ('spec/zone', 9999);
DELETE FROM mysql.time_zone_name WHERE Name = 'spec/zone';
INSERT INTO t VALUES (1);
--> insert t {id: 1}
