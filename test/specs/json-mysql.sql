-- JSON of MySQL arrives as the text that MySQL itself makes of it.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, j JSON);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '{"bb": 1.10, "a": [1, "é", null],  "n": 12345678901234567890}'), (2, 'null'), (3, NULL), (4, '"text"');
--> begin
-->   insert t {id: 1, j: "{\"a\": [1, \"é\", null], \"n\": 12345678901234567890, \"bb\": 1.1}"}
-->   insert t {id: 2, j: "null"}
-->   insert t {id: 3, j: null}
-->   insert t {id: 4, j: "\"text\""}
--> commit
INSERT INTO t VALUES (5, JSON_ARRAY(CAST(1.50 AS DECIMAL(5,2)), CAST('2026-11-22 08:09:10.012' AS DATETIME(3)), 1e0, TRUE, -9223372036854775808));
--> insert t {id: 5, j: "[1.50, \"2026-11-22 08:09:10.012000\", 1.0, true, -9223372036854775808]"}
UPDATE t SET j = JSON_SET(j, '$.bb', 2) WHERE id = 1;
--> update t {id: 1, j: "{\"a\": [1, \"é\", null], \"n\": 12345678901234567890, \"bb\": 1.1}"} -> {id: 1, j: "{\"a\": [1, \"é\", null], \"n\": 12345678901234567890, \"bb\": 2}"}
