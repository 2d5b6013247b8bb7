-- Tables and columns that are called like things of JavaScript are tables and columns.
CREATE TABLE `__proto__` (`__proto__` INT, `hasOwnProperty` INT, `length` INT, `prototype` INT, `then` INT, `0` INT);
--> ddl CREATE TABLE __proto__
INSERT INTO `__proto__` VALUES (1, 2, 3, 4, 5, 6);
--> insert __proto__ {"0": 6, __proto__: 1, hasOwnProperty: 2, length: 3, prototype: 4, then: 5}
UPDATE `__proto__` SET `then` = NULL;
--> update __proto__ {"0": 6, __proto__: 1, hasOwnProperty: 2, length: 3, prototype: 4, then: 5} -> {"0": 6, __proto__: 1, hasOwnProperty: 2, length: 3, prototype: 4, then: null}
CREATE TABLE `constructor` (`valueOf` INT PRIMARY KEY, `toJSON` VARCHAR(5));
--> ddl CREATE TABLE constructor
INSERT INTO `constructor` VALUES (1, NULL);
--> insert constructor {valueOf: 1, toJSON: null}
DELETE FROM `constructor`;
--> delete constructor {valueOf: 1, toJSON: null}
