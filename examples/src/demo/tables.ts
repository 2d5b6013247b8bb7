/** The schema `shop` of the demo, on source and target. Between them the tables have twenty column types. */
export const tables = ['customers', 'products', 'orders', 'order_items', 'parcels', 'marks'] as const;

export const tablesSql: readonly string[] = [
  'CREATE DATABASE shop',
  `CREATE TABLE shop.customers (
     id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL, email VARCHAR(120),
     tier ENUM('bronze','silver','gold') NOT NULL DEFAULT 'bronze', interests SET('books','music','garden','sport'),
     born DATE, profile JSON, updated_at TIMESTAMP(6) NOT NULL)`,
  `CREATE TABLE shop.products (
     id INT UNSIGNED NOT NULL PRIMARY KEY, title VARCHAR(200) NOT NULL, price DECIMAL(12,2) NOT NULL, weight FLOAT,
     rating DOUBLE, made YEAR, stock MEDIUMINT NOT NULL, description TEXT)`,
  `CREATE TABLE shop.orders (
     id BIGINT UNSIGNED NOT NULL PRIMARY KEY, buyer_id BIGINT UNSIGNED NOT NULL, total DECIMAL(14,2) NOT NULL,
     status TINYINT NOT NULL, note VARCHAR(255), created_at DATETIME(3) NOT NULL, KEY (buyer_id))`,
  `CREATE TABLE shop.order_items (
     order_id BIGINT UNSIGNED NOT NULL, line SMALLINT UNSIGNED NOT NULL, product_id INT UNSIGNED NOT NULL,
     quantity SMALLINT NOT NULL, price DECIMAL(12,2) NOT NULL, PRIMARY KEY (order_id, line))`,
  `CREATE TABLE shop.parcels (
     id BINARY(16) NOT NULL PRIMARY KEY, order_id BIGINT UNSIGNED NOT NULL, flags BIT(10) NOT NULL,
     label VARBINARY(64), picked TIME(3), content BLOB)`,
  `CREATE TABLE shop.marks (
     writer INT NOT NULL, sequence BIGINT NOT NULL, PRIMARY KEY (writer, sequence))`,
];
