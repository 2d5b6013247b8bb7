-- Tables that are renamed, also in circles and into another schema, give their rows under the name of the time.
CREATE TABLE a (id INT PRIMARY KEY);
--> ddl CREATE TABLE a
CREATE TABLE b (name VARCHAR(5) PRIMARY KEY);
--> ddl CREATE TABLE b
RENAME TABLE a TO c, b TO a, c TO b;
--> ddl RENAME TABLE a, c, b
INSERT INTO a VALUES ('x');
--> insert a {name: "x"}
INSERT INTO b VALUES (1);
--> insert b {id: 1}
ALTER TABLE a RENAME TO d;
--> ddl ALTER TABLE a, d
INSERT INTO d VALUES ('y');
--> insert d {name: "y"}
CREATE DATABASE spec_other;
--> ddl CREATE DATABASE
RENAME TABLE d TO spec_other.d;
--> ddl RENAME TABLE d, spec_other.d
INSERT INTO spec_other.d VALUES ('z');
--> insert spec_other.d {name: "z"}
DROP DATABASE spec_other;
--> ddl DROP DATABASE
