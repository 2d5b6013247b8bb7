CREATE DATABASE relation;
CREATE TABLE relation.orders_by_buyer_0 (id INT PRIMARY KEY, buyer_id INT NOT NULL, seller_id INT NOT NULL, total DECIMAL(10, 2) NOT NULL, status VARCHAR(10) NOT NULL);
CREATE TABLE relation.orders_by_buyer_1 (id INT PRIMARY KEY, buyer_id INT NOT NULL, seller_id INT NOT NULL, total DECIMAL(10, 2) NOT NULL, status VARCHAR(10) NOT NULL);
CREATE TABLE relation.orders_by_seller_0 (id INT PRIMARY KEY, buyer_id INT NOT NULL, seller_id INT NOT NULL, total DECIMAL(10, 2) NOT NULL, status VARCHAR(10) NOT NULL);
CREATE TABLE relation.orders_by_seller_1 (id INT PRIMARY KEY, buyer_id INT NOT NULL, seller_id INT NOT NULL, total DECIMAL(10, 2) NOT NULL, status VARCHAR(10) NOT NULL);
