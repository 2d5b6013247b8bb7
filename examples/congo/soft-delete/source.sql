CREATE DATABASE shop;
CREATE TABLE shop.config_info (id INT PRIMARY KEY, content VARCHAR(100));
INSERT INTO shop.config_info VALUES (1, 'a'), (2, 'b');
