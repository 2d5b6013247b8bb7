-- A change of each part of a composite key is an update with the key before and after.
CREATE TABLE t (a INT, b VARCHAR(5), c DATE, d DECIMAL(4,1), v INT, PRIMARY KEY (a, b, c, d));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'x', '2026-01-01', 1.5, 1);
--> insert t {a: 1, b: "x", c: "2026-01-01", d: "1.5", v: 1}
UPDATE t SET a = 2;
--> update t {a: 1, b: "x", c: "2026-01-01", d: "1.5", v: 1} -> {a: 2, b: "x", c: "2026-01-01", d: "1.5", v: 1}
UPDATE t SET b = 'y';
--> update t {a: 2, b: "x", c: "2026-01-01", d: "1.5", v: 1} -> {a: 2, b: "y", c: "2026-01-01", d: "1.5", v: 1}
UPDATE t SET c = '2026-01-02';
--> update t {a: 2, b: "y", c: "2026-01-01", d: "1.5", v: 1} -> {a: 2, b: "y", c: "2026-01-02", d: "1.5", v: 1}
UPDATE t SET d = -1.5;
--> update t {a: 2, b: "y", c: "2026-01-02", d: "1.5", v: 1} -> {a: 2, b: "y", c: "2026-01-02", d: "-1.5", v: 1}
UPDATE t SET a = 3, b = '', c = '9999-12-31', d = 0, v = NULL;
--> update t {a: 2, b: "y", c: "2026-01-02", d: "-1.5", v: 1} -> {a: 3, b: "", c: "9999-12-31", d: "0.0", v: null}
