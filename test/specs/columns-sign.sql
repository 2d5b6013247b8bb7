-- INT that becomes UNSIGNED, and DECIMAL that gets more digits, arrive as what they are at the time.
CREATE TABLE t (id TINYINT PRIMARY KEY, d DECIMAL(4,1), e ENUM('a', 'b'), h TIME);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (100, 1.5, 'b', '01:00:00');
--> insert t {id: 100, d: "1.5", e: "b", h: "01:00:00"}
ALTER TABLE t MODIFY id TINYINT UNSIGNED;
--> ddl ALTER TABLE t
INSERT INTO t VALUES (200, 1.5, 'a', '01:00:00');
--> insert t {id: 200, d: "1.5", e: "a", h: "01:00:00"}
ALTER TABLE t MODIFY d DECIMAL(8,4), MODIFY e ENUM('b', 'c', 'a'), MODIFY h TIME(3);
--> ddl ALTER TABLE t
UPDATE t SET d = d + 0.0001, h = ADDTIME(h, "0:0:0.5") WHERE id = 200;
--> update t {id: 200, d: "1.5000", e: "a", h: "01:00:00.000"} -> {id: 200, d: "1.5001", e: "a", h: "01:00:00.500"}
