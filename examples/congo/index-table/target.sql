CREATE DATABASE lookup;
CREATE TABLE lookup.order_by_status (status VARCHAR(10) NOT NULL, id INT NOT NULL, PRIMARY KEY (status, id));
