-- UUIDs of all versions arrive as their text, in whatever order the server keeps their bytes.
-- only mariadb
CREATE TABLE t (id UUID PRIMARY KEY, n INT);
--> ddl CREATE TABLE t
INSERT INTO t VALUES ('0a1b2c3d-4e5f-1a23-8abc-0123456789ab', 1), ('0a1b2c3d-4e5f-3a23-9abc-0123456789ab', 3), ('0a1b2c3d-4e5f-4a23-aabc-0123456789ab', 4), ('0a1b2c3d-4e5f-6a23-babc-0123456789ab', 6), ('0a1b2c3d-4e5f-7a23-8abc-0123456789ab', 7), ('0a1b2c3d-4e5f-1a23-0abc-0123456789ab', 0);
--> begin
-->   insert t {id: "0a1b2c3d-4e5f-1a23-8abc-0123456789ab", n: 1}
-->   insert t {id: "0a1b2c3d-4e5f-3a23-9abc-0123456789ab", n: 3}
-->   insert t {id: "0a1b2c3d-4e5f-4a23-aabc-0123456789ab", n: 4}
-->   insert t {id: "0a1b2c3d-4e5f-6a23-babc-0123456789ab", n: 6}
-->   insert t {id: "0a1b2c3d-4e5f-7a23-8abc-0123456789ab", n: 7}
-->   insert t {id: "0a1b2c3d-4e5f-1a23-0abc-0123456789ab", n: 0}
--> commit
UPDATE t SET id = '0A1B2C3D4E5F1A238ABC0123456789AC' WHERE n = 1;
--> update t {id: "0a1b2c3d-4e5f-1a23-8abc-0123456789ab", n: 1} -> {id: "0a1b2c3d-4e5f-1a23-8abc-0123456789ac", n: 1}
DELETE FROM t WHERE n = 7;
--> delete t {id: "0a1b2c3d-4e5f-7a23-8abc-0123456789ab", n: 7}
