-- The character set gb18030 arrives as Unicode, its four-byte characters included.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET gb18030, e ENUM('漢', '😀') CHARACTER SET gb18030);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, '漢字 aé😀', '漢'), (2, x'E3329A35', '😀'), (3, x'8130813081308131', NULL), (4, '', NULL);
--> begin
-->   insert t {id: 1, v: "漢字 aé😀", e: "漢"}
-->   insert t {id: 2, v: "\udbff\udfff", e: "😀"}
-->   insert t {id: 3, v: "\u0080\u0081", e: null}
-->   insert t {id: 4, v: "", e: null}
--> commit
