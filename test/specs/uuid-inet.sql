-- UUID, INET4 and INET6 arrive as their canonical text, BINARY of the same widths as bytes.
-- only mariadb
CREATE TABLE t (id UUID PRIMARY KEY, v4 INET4, v6 INET6, b4 BINARY(4), b16 BINARY(16));
--> ddl CREATE TABLE t
INSERT INTO t VALUES ('123E4567-E89B-12D3-A456-426655440000', '192.168.0.1', '2001:DB8::ff00:42:8329', x'c0a80001', x'123e4567e89b12d3a456426655440000');
--> insert t {id: "123e4567-e89b-12d3-a456-426655440000", v4: "192.168.0.1", v6: "2001:db8::ff00:42:8329", b4: x"c0a80001", b16: x"123e4567e89b12d3a456426655440000"}
INSERT INTO t VALUES ('f47ac10b-58cc-4372-a567-0e02b2c3d479', '0.0.0.0', '::', NULL, NULL), ('00000000-0000-0000-0000-000000000000', '255.255.255.255', '::ffff:192.0.2.1', NULL, NULL), ('ffffffff-ffff-ffff-ffff-ffffffffffff', NULL, '1:0:0:2::3', NULL, NULL);
--> begin
-->   insert t {id: "f47ac10b-58cc-4372-a567-0e02b2c3d479", v4: "0.0.0.0", v6: "::", b4: null, b16: null}
-->   insert t {id: "00000000-0000-0000-0000-000000000000", v4: "255.255.255.255", v6: "::ffff:192.0.2.1", b4: null, b16: null}
-->   insert t {id: "ffffffff-ffff-ffff-ffff-ffffffffffff", v4: null, v6: "1:0:0:2::3", b4: null, b16: null}
--> commit
