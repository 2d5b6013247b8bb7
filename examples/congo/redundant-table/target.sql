CREATE DATABASE report;
CREATE TABLE report.paid_orders (id INT PRIMARY KEY, buyer_id INT NOT NULL, seller_id INT NOT NULL, amount DECIMAL(10, 2) NOT NULL,
  cents DECIMAL(12, 2) NOT NULL, is_large TINYINT NOT NULL, site VARCHAR(10) NOT NULL);
