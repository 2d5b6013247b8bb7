-- What is written to a JSON duality view arrives as rows of its table.
-- only mysql
CREATE TABLE o (id INT PRIMARY KEY, name VARCHAR(10));
--> ddl CREATE TABLE o
CREATE JSON RELATIONAL DUALITY VIEW ov AS SELECT JSON_DUALITY_OBJECT(WITH(INSERT, UPDATE, DELETE) '_id': id, 'name': name) FROM o;
--> ddl CREATE VIEW ov, o: "CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER JSON RELATIONAL DUALITY VIEW `ov` AS SELECT JSON_DUALITY_OBJECT(WITH(INSERT, UPDATE, DELETE) '_id': id, 'name': name) FROM o"
INSERT INTO ov VALUES ('{"_id": 1, "name": "x"}');
--> insert o {id: 1, name: "x"}
UPDATE ov SET data = JSON_SET(data, '$.name', 'y') WHERE data->'$._id' = 1;
--> update o {id: 1, name: "x"} -> {id: 1, name: "y"}
DELETE FROM ov WHERE data->'$._id' = 1;
--> delete o {id: 1, name: "y"}
DROP VIEW ov;
--> ddl DROP VIEW ov
