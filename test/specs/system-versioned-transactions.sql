-- What is written to a table that is versioned by transaction id stops the store: the server logs it as statements.
-- only mariadb
CREATE TABLE t (
  id INT PRIMARY KEY,
  began BIGINT UNSIGNED GENERATED ALWAYS AS ROW START,
  ended BIGINT UNSIGNED GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (began, ended)
) WITH SYSTEM VERSIONING;
--> ddl CREATE TABLE t
INSERT INTO t (id) VALUES (1);
--> stop STATEMENT_EVENT
