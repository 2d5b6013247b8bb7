-- Statements on accounts arrive without their text, which may hold a password.
CREATE USER 'spec_user'@'127.0.0.1' IDENTIFIED BY 'never to be seen';
--> ddl CREATE USER without text
GRANT SELECT ON spec.* TO 'spec_user'@'127.0.0.1';
--> ddl GRANT without text
ALTER USER 'spec_user'@'127.0.0.1' IDENTIFIED BY 'nor this';
--> ddl ALTER USER without text
DROP USER 'spec_user'@'127.0.0.1';
--> ddl DROP USER without text
