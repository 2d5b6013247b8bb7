-- Names with dots, quotes, blanks, slashes and commas are nothing special.
CREATE TABLE `a.b` (`c.d` INT, `e,f` INT, `{g}` INT, `->` INT, `-- h` INT);
--> ddl CREATE TABLE "spec.a.b"
INSERT INTO `a.b` VALUES (1, 2, 3, 4, 5);
--> insert "spec.a.b" {"c.d": 1, "e,f": 2, "{g}": 3, "->": 4, "-- h": 5}
CREATE TABLE `x/../y\\z` (`"` INT, `'` INT, ```` INT);
--> ddl CREATE TABLE "spec.x/../y\\\\z"
INSERT INTO `x/../y\\z` VALUES (1, 2, 3);
--> insert "spec.x/../y\\\\z" {"\"": 1, "'": 2, "`": 3}
CREATE DATABASE `spec.dots`;
--> ddl CREATE DATABASE
CREATE TABLE `spec.dots`.`t.u` (id INT);
--> ddl CREATE TABLE "spec.dots.t.u"
INSERT INTO `spec.dots`.`t.u` VALUES (1);
--> insert "spec.dots.t.u" {id: 1}
DROP DATABASE `spec.dots`;
--> ddl DROP DATABASE
