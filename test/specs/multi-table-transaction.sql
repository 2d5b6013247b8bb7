-- A transaction over several tables arrives as one, its changes in the order of the statements.
CREATE TABLE orders (id INT PRIMARY KEY, total DECIMAL(8,2));
--> ddl CREATE TABLE orders
CREATE TABLE items (id INT PRIMARY KEY, order_id INT, name VARCHAR(10));
--> ddl CREATE TABLE items
START TRANSACTION;
INSERT INTO orders VALUES (1, 0);
INSERT INTO items VALUES (1, 1, 'pen'), (2, 1, 'ink');
UPDATE orders SET total = 12.5 WHERE id = 1;
DELETE FROM items WHERE id = 2;
INSERT INTO orders VALUES (2, 1);
COMMIT;
--> begin
-->   insert orders {id: 1, total: "0.00"}
-->   insert items {id: 1, order_id: 1, name: "pen"}
-->   insert items {id: 2, order_id: 1, name: "ink"}
-->   update orders {id: 1, total: "0.00"} -> {id: 1, total: "12.50"}
-->   delete items {id: 2, order_id: 1, name: "ink"}
-->   insert orders {id: 2, total: "1.00"}
--> commit
