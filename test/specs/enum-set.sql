-- ENUM and SET arrive as labels, with commas and quotes in them; the error value of ENUM is the empty text.
SET sql_mode = '';
CREATE TABLE t (id INT PRIMARY KEY, e ENUM('small', 'b,c', 'it''s', 'ünïcode'), s SET('a', 'b', 'it''s', 'é'), l ENUM('x', 'é') CHARACTER SET latin1);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'small', 'a', 'x'), (2, 'b,c', 'b,a', 'é'), (3, 'it''s', 'it''s,é', NULL), (4, 'ünïcode', '', NULL), (5, NULL, NULL, NULL);
--> begin
-->   insert t {id: 1, e: "small", s: "a", l: "x"}
-->   insert t {id: 2, e: "b,c", s: "a,b", l: "é"}
-->   insert t {id: 3, e: "it's", s: "it's,é", l: null}
-->   insert t {id: 4, e: "ünïcode", s: "", l: null}
-->   insert t {id: 5, e: null, s: null, l: null}
--> commit
INSERT INTO t (id, e) VALUES (6, 'no such label');
--> insert t {id: 6, e: "", s: null, l: null}

-- More labels than one byte counts.
CREATE TABLE w (id INT PRIMARY KEY, s SET('a1','a2','a3','a4','a5','a6','a7','a8','a9','a10','a11','a12','a13','a14','a15','a16','a17'));
--> ddl CREATE TABLE w
INSERT INTO w VALUES (1, 'a17,a1,a9');
--> insert w {id: 1, s: "a1,a9,a17"}
ALTER TABLE t MODIFY e ENUM('new', 'small', 'b,c', 'it''s', 'ünïcode');
--> ddl ALTER TABLE t
UPDATE t SET e = 'new' WHERE id = 1;
--> update t {id: 1, e: "small", s: "a", l: "x"} -> {id: 1, e: "new", s: "a", l: "x"}
