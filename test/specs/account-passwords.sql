-- No way to set a password brings its text.
CREATE USER IF NOT EXISTS 'spec_a'@'localhost' IDENTIFIED BY 'secret one';
--> ddl CREATE USER without text
SET PASSWORD FOR 'spec_a'@'localhost' = '*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29';
-- expect mariadb
--> ddl SET PASSWORD without text
-- expect mysql
--> ddl ALTER USER without text
ALTER USER 'spec_a'@'localhost' IDENTIFIED BY 'secret three' PASSWORD EXPIRE NEVER;
--> ddl ALTER USER without text
CREATE ROLE spec_role;
--> ddl CREATE ROLE without text
GRANT spec_role TO 'spec_a'@'localhost';
--> ddl GRANT without text
REVOKE spec_role FROM 'spec_a'@'localhost';
--> ddl REVOKE without text
RENAME USER 'spec_a'@'localhost' TO 'spec_b'@'localhost';
--> ddl RENAME USER without text
DROP ROLE spec_role;
--> ddl DROP ROLE without text
DROP USER 'spec_b'@'localhost';
--> ddl DROP USER without text
