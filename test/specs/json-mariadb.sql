-- JSON of MariaDB arrives as the text that was written.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY, j JSON);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '{"b": 1.10, "a": [1, "é", null],  "n": 12345678901234567890}'), (2, 'null'), (3, NULL), (4, '"text"');
--> begin
-->   insert t {id: 1, j: "{\"b\": 1.10, \"a\": [1, \"é\", null],  \"n\": 12345678901234567890}"}
-->   insert t {id: 2, j: "null"}
-->   insert t {id: 3, j: null}
-->   insert t {id: 4, j: "\"text\""}
--> commit
UPDATE t SET j = JSON_SET(j, '$.b', 2) WHERE id = 1;
--> update t {id: 1, j: "{\"b\": 1.10, \"a\": [1, \"é\", null],  \"n\": 12345678901234567890}"} -> {id: 1, j: "{\"b\": 2, \"a\": [1, \"é\", null], \"n\": 12345678901234567890}"}
