CREATE DATABASE history;
CREATE TABLE history.his_config_info (no BIGINT AUTO_INCREMENT PRIMARY KEY, operation ENUM('insert', 'update', 'delete') NOT NULL,
  changed_at DATETIME NOT NULL, source_transaction VARCHAR(100) NOT NULL, id INT, content VARCHAR(100), old_id INT, old_content VARCHAR(100));
