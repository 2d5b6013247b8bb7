-- A sequence arrives as its new state, each time it reserves values.
-- only mariadb
CREATE SEQUENCE s START WITH 5 INCREMENT BY 2 CACHE 3;
--> ddl CREATE SEQUENCE s
SELECT NEXTVAL(s);
--> sequence s {next_not_cached_value: 11n, minimum_value: 1n, maximum_value: 9223372036854775806n, start_value: 5n, increment: 2n, cache_size: 3n, cycle_option: 0, cycle_count: 0n}
SELECT NEXTVAL(s);
SELECT NEXTVAL(s);
SELECT NEXTVAL(s);
--> sequence s {next_not_cached_value: 17n, minimum_value: 1n, maximum_value: 9223372036854775806n, start_value: 5n, increment: 2n, cache_size: 3n, cycle_option: 0, cycle_count: 0n}
