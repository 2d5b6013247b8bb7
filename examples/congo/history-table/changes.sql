UPDATE shop.config_info SET content = 'a, changed' WHERE id = 1;
DELETE FROM shop.config_info WHERE id = 2;
INSERT INTO shop.config_info VALUES (3, 'c');
DELETE FROM shop.config_info WHERE id = 3;
INSERT INTO shop.config_info VALUES (3, 'c again');
