CREATE DATABASE kept;
CREATE TABLE kept.config_info (id INT PRIMARY KEY, content VARCHAR(100), is_deleted TINYINT NOT NULL, deleted_at DATETIME);
