-- A row that moves into another partition is one update.
CREATE TABLE t (id INT, region VARCHAR(5), v INT, PRIMARY KEY (id, region)) PARTITION BY LIST COLUMNS (region) (PARTITION n VALUES IN ('north', 'east'), PARTITION s VALUES IN ('south'));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'north', 1), (2, 'south', 1), (3, 'east', 1);
--> begin
-->   insert t {id: 1, region: "north", v: 1}
-->   insert t {id: 2, region: "south", v: 1}
-->   insert t {id: 3, region: "east", v: 1}
--> commit
UPDATE t SET region = 'south' WHERE id = 1;
--> update t {id: 1, region: "north", v: 1} -> {id: 1, region: "south", v: 1}
UPDATE t SET region = 'north', v = 2 ORDER BY id;
--> begin
-->   update t {id: 1, region: "south", v: 1} -> {id: 1, region: "north", v: 2}
-->   update t {id: 2, region: "south", v: 1} -> {id: 2, region: "north", v: 2}
-->   update t {id: 3, region: "east", v: 1} -> {id: 3, region: "north", v: 2}
--> commit
DELETE FROM t WHERE region = 'north' ORDER BY id;
--> begin
-->   delete t {id: 1, region: "north", v: 2}
-->   delete t {id: 2, region: "north", v: 2}
-->   delete t {id: 3, region: "north", v: 2}
--> commit
