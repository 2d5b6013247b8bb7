-- Statements arrive as they were typed: comments, line ends, blanks and odd quoting included.
CREATE /* what; is */ TABLE t ( -- a comment; with a semicolon
  id INT /*!50100 NOT NULL */ PRIMARY KEY, # another
  `v``w` VARCHAR(20) DEFAULT 'a''b\\c' COMMENT "d""e;f"
) /* end */;
--> ddl CREATE TABLE t
INSERT INTO t (id) VALUES (1);
--> insert t {id: 1, "v`w": "a'b\\c"}
/* in front */ ALTER TABLE t	ADD COLUMN
  x INT;
--> ddl ALTER TABLE t
