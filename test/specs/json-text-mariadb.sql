-- JSON of MariaDB is text: blanks, order, equal keys and numbers arrive as they were written.
-- only mariadb
CREATE TABLE t (id INT PRIMARY KEY, j JSON, k LONGTEXT CHECK (JSON_VALID(k)), l TEXT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '{ "b":1,"a" : 2, "b":3 }', '[1.0, 1e2]', '{"not": "json type"}'), (2, '"\\u00e9"', NULL, NULL), (3, '123456789012345678901234567890.10', '{}', '');
--> begin
-->   insert t {id: 1, j: "{ \"b\":1,\"a\" : 2, \"b\":3 }", k: "[1.0, 1e2]", l: "{\"not\": \"json type\"}"}
-->   insert t {id: 2, j: "\"\\u00e9\"", k: null, l: null}
-->   insert t {id: 3, j: "123456789012345678901234567890.10", k: "{}", l: ""}
--> commit
