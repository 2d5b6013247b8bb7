-- JSON of MySQL: numbers keep all their digits, keys come in MySQL's order, and one of two equal keys is left.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, j JSON);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '[-9223372036854775808, 18446744073709551615, 9007199254740993, 1e100, 0.1, -0.0, 1.0]');
--> insert t {id: 1, j: "[-9223372036854775808, 18446744073709551615, 9007199254740993, 1e100, 0.1, -0.0, 1.0]"}
INSERT INTO t VALUES (2, '{"b": 1, "a": 2, "aa": 3, "": 4, "a": 5}');
--> insert t {id: 2, j: "{\"\": 4, \"a\": 5, \"b\": 1, \"aa\": 3}"}
INSERT INTO t VALUES (3, '{}'), (4, '[]'), (5, '""'), (6, 'true'), (7, '0'), (8, '[[[[[]]]]]');
--> begin
-->   insert t {id: 3, j: "{}"}
-->   insert t {id: 4, j: "[]"}
-->   insert t {id: 5, j: "\"\""}
-->   insert t {id: 6, j: "true"}
-->   insert t {id: 7, j: "0"}
-->   insert t {id: 8, j: "[[[[[]]]]]"}
--> commit
INSERT INTO t VALUES (9, '"\\u00e9 \\ud83d\\ude00 \\" \\\\ \\/ \\b\\n\\u0001"');
--> insert t {id: 9, j: "\"é 😀 \\\" \\\\ / \\b\\n\\u0001\""}
UPDATE t SET j = JSON_REMOVE(j, '$.aa') WHERE id = 2;
--> update t {id: 2, j: "{\"\": 4, \"a\": 5, \"b\": 1, \"aa\": 3}"} -> {id: 2, j: "{\"\": 4, \"a\": 5, \"b\": 1}"}
UPDATE t SET j = NULL WHERE id = 3;
--> update t {id: 3, j: "{}"} -> {id: 3, j: null}
