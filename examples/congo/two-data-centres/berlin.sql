INSERT INTO shop.orders VALUES (2, 'berlin', 10.00), (4, 'berlin', 20.00);
UPDATE shop.orders SET total = 25.00 WHERE id = 4;
DELETE FROM shop.orders WHERE id = 2;
