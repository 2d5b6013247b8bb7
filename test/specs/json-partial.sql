-- A partial update of JSON, which a session asked for, stops the store: it would not know the rest of the value.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, j JSON);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '{"a": "0123456789", "b": "0123456789"}');
--> insert t {id: 1, j: "{\"a\": \"0123456789\", \"b\": \"0123456789\"}"}
SET binlog_row_value_options = 'PARTIAL_JSON';
UPDATE t SET j = JSON_SET(j, '$.a', 'x');
--> stop UNSUPPORTED_EVENT
