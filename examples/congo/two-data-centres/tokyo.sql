INSERT INTO shop.orders VALUES (1, 'tokyo', 1.50), (3, 'tokyo', 2.50);
UPDATE shop.orders SET id = 5 WHERE id = 3;
