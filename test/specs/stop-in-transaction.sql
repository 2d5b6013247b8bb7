-- Of a transaction in which the store stops, nothing arrives: not what stood before that in it either.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, j JSON);
--> ddl CREATE TABLE t
SET binlog_row_value_options = 'PARTIAL_JSON';
INSERT INTO t VALUES (1, '{"a": "0123456789", "b": "0123456789"}');
--> insert t {id: 1, j: "{\"a\": \"0123456789\", \"b\": \"0123456789\"}"}
START TRANSACTION;
INSERT INTO t VALUES (2, '[1]'), (3, '[2]');
UPDATE t SET j = JSON_SET(j, '$.a', 'x') WHERE id = 1;
DELETE FROM t WHERE id = 3;
COMMIT;
--> stop UNSUPPORTED_EVENT
