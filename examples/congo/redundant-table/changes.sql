INSERT INTO shop.orders VALUES (5, 6, 13, 300.00, 'paid');
UPDATE shop.orders SET status = 'paid' WHERE id = 1;
UPDATE shop.orders SET seller_id = 11, buyer_id = 2 WHERE id = 3;
DELETE FROM shop.orders WHERE id = 2;
