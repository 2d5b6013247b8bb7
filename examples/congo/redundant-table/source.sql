CREATE DATABASE shop;
CREATE TABLE shop.orders (id INT PRIMARY KEY, buyer_id INT NOT NULL, seller_id INT NOT NULL, total DECIMAL(10, 2) NOT NULL, status VARCHAR(10) NOT NULL);
INSERT INTO shop.orders VALUES (1, 1, 10, 20.00, 'new'), (2, 2, 11, 150.50, 'paid'), (3, 3, 10, 99.99, 'paid'), (4, 7, 12, 5.00, 'new');
