-- INET6 arrives in the shortest form that the server prints, IPv4 within it included.
-- only mariadb
CREATE TABLE t (a INET6, b INET4);
--> ddl CREATE TABLE t
INSERT INTO t VALUES ('::', '0.0.0.0'), ('::1', '127.0.0.1'), ('::1.2.3.4', '255.255.255.255'), ('::FFFF:1.2.3.4', '1.2.3.0'), ('1:0:0:2::3', NULL), ('2001:0db8:0:0:0:0:0:0', NULL), ('fe80:0:0:0:1:0:0:2', NULL), (NULL, NULL);
--> begin
-->   insert t {a: "::", b: "0.0.0.0"}
-->   insert t {a: "::1", b: "127.0.0.1"}
-->   insert t {a: "::1.2.3.4", b: "255.255.255.255"}
-->   insert t {a: "::ffff:1.2.3.4", b: "1.2.3.0"}
-->   insert t {a: "1:0:0:2::3", b: null}
-->   insert t {a: "2001:db8::", b: null}
-->   insert t {a: "fe80::1:0:0:2", b: null}
-->   insert t {a: null, b: null}
--> commit
