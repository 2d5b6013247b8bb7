-- Text of Unicode arrives code point by code point: nothing is composed, folded or lost.
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(50) CHARACTER SET utf8mb4);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 0xc3a9), (2, 0x65cc81), (3, 0xf09f91a9e2808df09f91a9), (4, 'ﬁ ß İ ı'), (5, 0xefbfbd), (6, 0xefbbbf61), (7, 0xf48fbfbf), (8, 0xe280ae61);
--> begin
-->   insert t {id: 1, v: "é"}
-->   insert t {id: 2, v: "e\u0301"}
-->   insert t {id: 3, v: "👩\u200d👩"}
-->   insert t {id: 4, v: "ﬁ ß İ ı"}
-->   insert t {id: 5, v: "\ufffd"}
-->   insert t {id: 6, v: "\ufeffa"}
-->   insert t {id: 7, v: "\udbff\udfff"}
-->   insert t {id: 8, v: "\u202ea"}
--> commit
UPDATE t SET v = 'É' WHERE id = 1;
--> update t {id: 1, v: "é"} -> {id: 1, v: "É"}
