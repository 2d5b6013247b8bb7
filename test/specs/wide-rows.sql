-- Rows of many text columns stay in order, NULLs and empty ones between them.
CREATE TABLE t (id INT PRIMARY KEY, a TEXT, b TEXT, c TEXT, d TEXT, e TEXT, f TEXT, g TEXT, h TEXT, i TEXT, j TEXT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'a', NULL, '', 'd', NULL, NULL, REPEAT('g', 300), '', NULL, 'j');
--> insert t {id: 1, a: "a", b: null, c: "", d: "d", e: null, f: null, g: repeat("g", 300), h: "", i: null, j: "j"}
UPDATE t SET a = NULL, b = '', c = NULL, d = '', j = NULL;
--> update t {id: 1, a: "a", b: null, c: "", d: "d", e: null, f: null, g: repeat("g", 300), h: "", i: null, j: "j"} -> {id: 1, a: null, b: "", c: null, d: "", e: null, f: null, g: repeat("g", 300), h: "", i: null, j: null}
