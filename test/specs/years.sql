-- YEAR arrives as a number; 0 is the year 0000.
CREATE TABLE t (id INT PRIMARY KEY, y YEAR, z YEAR NOT NULL);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 1901, 2155), (2, '0000', 2000), (3, 0, '0'), (4, NULL, 70), (5, '69', '70');
--> begin
-->   insert t {id: 1, y: 1901, z: 2155}
-->   insert t {id: 2, y: 0, z: 2000}
-->   insert t {id: 3, y: 0, z: 2000}
-->   insert t {id: 4, y: null, z: 1970}
-->   insert t {id: 5, y: 2069, z: 1970}
--> commit
