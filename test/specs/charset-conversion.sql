-- A table or column that changes its character set: text before and after is the same text.
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), w TEXT) CHARACTER SET latin1;
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'é€', 'ü');
--> insert t {id: 1, v: "é€", w: "ü"}
ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4;
--> ddl ALTER TABLE t
UPDATE t SET v = CONCAT(v, '日');
--> update t {id: 1, v: "é€", w: "ü"} -> {id: 1, v: "é€日", w: "ü"}
ALTER TABLE t MODIFY w TEXT CHARACTER SET ucs2, DEFAULT CHARACTER SET cp1251;
--> ddl ALTER TABLE t
UPDATE t SET w = '日本';
--> update t {id: 1, v: "é€日", w: "ü"} -> {id: 1, v: "é€日", w: "日本"}
ALTER TABLE t ADD COLUMN x VARCHAR(10);
--> ddl ALTER TABLE t
UPDATE t SET x = 'Да';
--> update t {id: 1, v: "é€日", w: "日本", x: null} -> {id: 1, v: "é€日", w: "日本", x: "Да"}
