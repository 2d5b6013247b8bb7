-- Updates of a part of a JSON value arrive with the whole value before and after.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, j JSON NOT NULL, name VARCHAR(10) AS (j->>'$.name'));
--> ddl CREATE TABLE t
INSERT INTO t (id, j) VALUES (1, '{"name": "old", "list": [1, 2, 3]}');
--> insert t {id: 1, j: "{\"list\": [1, 2, 3], \"name\": \"old\"}", name: "old"}
UPDATE t SET j = JSON_SET(j, '$.name', 'new');
--> update t {id: 1, j: "{\"list\": [1, 2, 3], \"name\": \"old\"}", name: "old"} -> {id: 1, j: "{\"list\": [1, 2, 3], \"name\": \"new\"}", name: "new"}
UPDATE t SET j = JSON_ARRAY_APPEND(j, '$.list', 4);
--> update t {id: 1, j: "{\"list\": [1, 2, 3], \"name\": \"new\"}", name: "new"} -> {id: 1, j: "{\"list\": [1, 2, 3, 4], \"name\": \"new\"}", name: "new"}
UPDATE t SET j = JSON_REPLACE(j, '$.name', 'new');
