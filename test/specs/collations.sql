-- Text that a collation calls equal is still another text: an update of case or accents arrives.
CREATE TABLE t (k VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v VARCHAR(10) COLLATE utf8mb4_bin);
--> ddl CREATE TABLE t
INSERT INTO t VALUES ('straße', 'a');
--> insert t {k: "straße", v: "a"}
UPDATE t SET k = 'STRASE' WHERE k = 'strase';
--> update t {k: "straße", v: "a"} -> {k: "STRASE", v: "a"}
UPDATE t SET k = 'Straße', v = 'A';
--> update t {k: "STRASE", v: "a"} -> {k: "Straße", v: "A"}
DELETE FROM t WHERE k = 'STRAßE';
--> delete t {k: "Straße", v: "A"}
