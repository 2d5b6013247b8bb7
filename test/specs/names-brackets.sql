-- In sql_mode MSSQL names may stand in brackets.
-- only mariadb
SET sql_mode = 'MSSQL';
CREATE TABLE [a b ]]c] (id INT PRIMARY KEY, [v w] INT);
--> ddl CREATE TABLE "spec.a b ]c"
INSERT INTO [a b ]]c] VALUES (1, 2);
--> insert "spec.a b ]c" {id: 1, "v w": 2}
RENAME TABLE [a b ]]c] TO [spec].[d];
--> ddl RENAME TABLE "spec.a b ]c", d
INSERT INTO d VALUES (2, 3);
--> insert d {id: 2, "v w": 3}
