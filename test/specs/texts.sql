-- CHAR, VARCHAR and TEXT of all lengths arrive as text, without blanks that the server does not keep.
CREATE TABLE t (id INT PRIMARY KEY, c CHAR(255), v VARCHAR(255), w VARCHAR(300), a TINYTEXT, b TEXT, m MEDIUMTEXT, l LONGTEXT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'a  ', 'a  ', '', '', ' b', 'line\nbreak', 'quote " and backslash \\');
--> insert t {id: 1, c: "a", v: "a  ", w: "", a: "", b: " b", m: "line\nbreak", l: "quote \" and backslash \\"}
INSERT INTO t VALUES (2, REPEAT('é', 255), REPEAT('😀', 255), REPEAT('x', 300), REPEAT('t', 255), REPEAT('u', 65535), REPEAT('v', 65536), REPEAT('wé', 100000));
--> insert t {id: 2, c: repeat("é", 255), v: repeat("😀", 255), w: repeat("x", 300), a: repeat("t", 255), b: repeat("u", 65535), m: repeat("v", 65536), l: repeat("wé", 100000)}
-- Lengths at which msgpack changes its form.
INSERT INTO t (id, v, w) VALUES (3, REPEAT('a', 31), REPEAT('b', 32)), (4, REPEAT('a', 255), REPEAT('b', 256));
--> begin
-->   insert t {id: 3, c: null, v: repeat("a", 31), w: repeat("b", 32), a: null, b: null, m: null, l: null}
-->   insert t {id: 4, c: null, v: repeat("a", 255), w: repeat("b", 256), a: null, b: null, m: null, l: null}
--> commit
INSERT INTO t (id, v) VALUES (5, CONCAT('nul', CHAR(0), 'in the middle'));
--> insert t {id: 5, c: null, v: "nul\u0000in the middle", w: null, a: null, b: null, m: null, l: null}
