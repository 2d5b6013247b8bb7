-- JSON of MySQL with values of SQL types inside arrives as MySQL prints these.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, j JSON);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, JSON_OBJECT('d', DATE '2026-11-22', 't', TIME '-12:34:56.5', 'dt', TIMESTAMP '2026-11-22 01:02:03', 'dec', CAST(12.340 AS DECIMAL(10,3)), 'bin', x'00ff', 'bit', b'101'));
--> insert t {id: 1, j: "{\"d\": \"2026-11-22\", \"t\": \"-12:34:56.500000\", \"dt\": \"2026-11-22 01:02:03.000000\", \"bin\": \"base64:type15:AP8=\", \"bit\": \"base64:type15:BQ==\", \"dec\": 12.340}"}
INSERT INTO t VALUES (2, CAST(POINT(1, 2) AS JSON)), (3, JSON_ARRAY(NULL, TRUE, FALSE, 1, 'x'));
--> begin
-->   insert t {id: 2, j: "{\"crs\": {\"type\": \"name\", \"properties\": {\"name\": \"urn:ogc:def:crs:MySQL::0\"}}, \"type\": \"Point\", \"coordinates\": [1.0, 2.0]}"}
-->   insert t {id: 3, j: "[null, true, false, 1, \"x\"]"}
--> commit
