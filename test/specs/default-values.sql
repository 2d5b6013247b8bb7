-- Values that a default gave arrive as any others.
SET timestamp = 1700000000, time_zone = '+00:00';
CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT DEFAULT 5, b VARCHAR(10) DEFAULT 'it''s', c DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3), d INT DEFAULT (1 + 2), e TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP);
--> ddl CREATE TABLE t
INSERT INTO t () VALUES ();
--> insert t {id: 1, a: 5, b: "it's", c: "2023-11-14 22:13:20.000", d: 3, e: "2023-11-14 22:13:20"}
INSERT INTO t (id, a) VALUES (10, DEFAULT), (NULL, NULL);
--> begin
-->   insert t {id: 10, a: 5, b: "it's", c: "2023-11-14 22:13:20.000", d: 3, e: "2023-11-14 22:13:20"}
-->   insert t {id: 11, a: null, b: "it's", c: "2023-11-14 22:13:20.000", d: 3, e: "2023-11-14 22:13:20"}
--> commit
SET timestamp = 1700000060;
UPDATE t SET a = 6 WHERE id = 1;
--> update t {id: 1, a: 5, b: "it's", c: "2023-11-14 22:13:20.000", d: 3, e: "2023-11-14 22:13:20"} -> {id: 1, a: 6, b: "it's", c: "2023-11-14 22:13:20.000", d: 3, e: "2023-11-14 22:14:20"}
