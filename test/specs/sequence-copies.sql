-- A table that was copied from a sequence has rows like any other table.
-- only mariadb
CREATE SEQUENCE s CACHE 10;
--> ddl CREATE SEQUENCE s
CREATE TABLE `copy` (next_not_cached_value BIGINT(21) NOT NULL, minimum_value BIGINT(21) NOT NULL, maximum_value BIGINT(21) NOT NULL, start_value BIGINT(21) NOT NULL, increment BIGINT(21) NOT NULL, cache_size BIGINT(21) UNSIGNED NOT NULL, cycle_option TINYINT(1) UNSIGNED NOT NULL, cycle_count BIGINT(21) NOT NULL);
--> ddl CREATE TABLE copy
INSERT INTO `copy` SELECT * FROM s;
--> insert copy {next_not_cached_value: 1n, minimum_value: 1n, maximum_value: 9223372036854775806n, start_value: 1n, increment: 1n, cache_size: 10n, cycle_option: 0, cycle_count: 0n}
UPDATE `copy` SET cycle_count = 9;
--> update copy {next_not_cached_value: 1n, minimum_value: 1n, maximum_value: 9223372036854775806n, start_value: 1n, increment: 1n, cache_size: 10n, cycle_option: 0, cycle_count: 0n} -> {next_not_cached_value: 1n, minimum_value: 1n, maximum_value: 9223372036854775806n, start_value: 1n, increment: 1n, cache_size: 10n, cycle_option: 0, cycle_count: 9n}
SELECT NEXTVAL(s);
--> sequence s {next_not_cached_value: 11n, minimum_value: 1n, maximum_value: 9223372036854775806n, start_value: 1n, increment: 1n, cache_size: 10n, cycle_option: 0, cycle_count: 0n}
DELETE FROM `copy`;
--> delete copy {next_not_cached_value: 1n, minimum_value: 1n, maximum_value: 9223372036854775806n, start_value: 1n, increment: 1n, cache_size: 10n, cycle_option: 0, cycle_count: 9n}
