-- VECTOR of any length up to its definition arrives as its numbers, minus zero and the largest ones too.
-- only mysql
CREATE TABLE t (id INT PRIMARY KEY, v VECTOR(4), w VECTOR);
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, TO_VECTOR('[1]'), TO_VECTOR('[0.1,0.2]')), (2, TO_VECTOR('[-0,3.4028235e38,-1.17549435e-38,1.17549435e-38]'), NULL);
--> begin
-->   insert t {id: 1, v: [1], w: [0.10000000149011612, 0.20000000298023224]}
-->   insert t {id: 2, v: [-0, 3.4028234663852886e38, -1.1754943508222875e-38, 1.1754943508222875e-38], w: null}
--> commit
UPDATE t SET v = NULL, w = TO_VECTOR('[0]') WHERE id = 1;
--> update t {id: 1, v: [1], w: [0.10000000149011612, 0.20000000298023224]} -> {id: 1, v: null, w: [0]}
