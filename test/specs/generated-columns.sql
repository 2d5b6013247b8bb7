-- Generated columns arrive with their values, virtual and stored ones, also where only what they are made of changed.
CREATE TABLE t (id INT PRIMARY KEY, price DECIMAL(8,2), tax DECIMAL(8,2) AS (price * 0.2) VIRTUAL, total DECIMAL(8,2) AS (price * 1.2) STORED, label VARCHAR(30) AS (CONCAT('#', id, ' ', UPPER('é'))) STORED, INDEX (tax));
--> ddl CREATE TABLE t
INSERT INTO t (id, price) VALUES (1, 10), (2, NULL);
--> begin
-->   insert t {id: 1, price: "10.00", tax: "2.00", total: "12.00", label: "#1 É"}
-->   insert t {id: 2, price: null, tax: null, total: null, label: "#2 É"}
--> commit
UPDATE t SET price = 20.5 WHERE id = 1;
--> update t {id: 1, price: "10.00", tax: "2.00", total: "12.00", label: "#1 É"} -> {id: 1, price: "20.50", tax: "4.10", total: "24.60", label: "#1 É"}
UPDATE t SET id = 3 WHERE id = 2;
--> update t {id: 2, price: null, tax: null, total: null, label: "#2 É"} -> {id: 3, price: null, tax: null, total: null, label: "#3 É"}
ALTER TABLE t DROP COLUMN total, ADD COLUMN half DECIMAL(8,3) AS (price / 2) VIRTUAL;
--> ddl ALTER TABLE t
DELETE FROM t WHERE id = 1;
--> delete t {id: 1, price: "20.50", tax: "4.10", label: "#1 É", half: "10.250"}
