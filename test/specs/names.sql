-- Names of any characters arrive as they are, those that JavaScript treats specially included.
CREATE TABLE `odd.ta``ble "x"` (`__proto__` INT PRIMARY KEY, `constructor` INT, `toString` INT, `a b` INT, `é中` INT, `1` INT, `quo"te'` INT);
--> ddl CREATE TABLE "spec.odd.ta`ble \"x\""
INSERT INTO `odd.ta``ble "x"` VALUES (1, 2, 3, 4, 5, 6, 7);
--> insert "spec.odd.ta`ble \"x\"" {"__proto__": 1, constructor: 2, toString: 3, "a b": 4, "é中": 5, "1": 6, "quo\"te'": 7}
UPDATE `odd.ta``ble "x"` SET `__proto__` = 8, `constructor` = NULL;
--> update "spec.odd.ta`ble \"x\"" {"__proto__": 1, constructor: 2, toString: 3, "a b": 4, "é中": 5, "1": 6, "quo\"te'": 7} -> {"__proto__": 8, constructor: null, toString: 3, "a b": 4, "é中": 5, "1": 6, "quo\"te'": 7}
CREATE TABLE Übung (Größe INT);
--> ddl CREATE TABLE Übung
INSERT INTO Übung VALUES (1);
--> insert Übung {Größe: 1}
CREATE TABLE `SELECT` (`table` INT);
--> ddl CREATE TABLE "spec.SELECT"
INSERT INTO `SELECT` VALUES (1);
--> insert "spec.SELECT" {table: 1}

-- Another schema.
CREATE DATABASE `spec other`;
--> ddl CREATE DATABASE
CREATE TABLE `spec other`.t (id INT);
--> ddl CREATE TABLE "spec other.t"
INSERT INTO `spec other`.t VALUES (1);
--> insert "spec other.t" {id: 1}
DROP DATABASE `spec other`;
--> ddl DROP DATABASE
