-- SET of 64 labels arrives with the labels in the order of the definition, all of them or none.
CREATE TABLE t (id INT PRIMARY KEY, s SET('l1', 'l2', 'l3', 'l4', 'l5', 'l6', 'l7', 'l8', 'l9', 'l10', 'l11', 'l12', 'l13', 'l14', 'l15', 'l16', 'l17', 'l18', 'l19', 'l20', 'l21', 'l22', 'l23', 'l24', 'l25', 'l26', 'l27', 'l28', 'l29', 'l30', 'l31', 'l32', 'l33', 'l34', 'l35', 'l36', 'l37', 'l38', 'l39', 'l40', 'l41', 'l42', 'l43', 'l44', 'l45', 'l46', 'l47', 'l48', 'l49', 'l50', 'l51', 'l52', 'l53', 'l54', 'l55', 'l56', 'l57', 'l58', 'l59', 'l60', 'l61', 'l62', 'l63', 'l64'));
--> ddl CREATE TABLE t
INSERT INTO t VALUES (1, 'l64,l1'), (2, ''), (3, 'l33,l32'), (4, NULL);
--> begin
-->   insert t {id: 1, s: "l1,l64"}
-->   insert t {id: 2, s: ""}
-->   insert t {id: 3, s: "l32,l33"}
-->   insert t {id: 4, s: null}
--> commit
INSERT INTO t VALUES (5, 18446744073709551615);
--> insert t {id: 5, s: "l1,l2,l3,l4,l5,l6,l7,l8,l9,l10,l11,l12,l13,l14,l15,l16,l17,l18,l19,l20,l21,l22,l23,l24,l25,l26,l27,l28,l29,l30,l31,l32,l33,l34,l35,l36,l37,l38,l39,l40,l41,l42,l43,l44,l45,l46,l47,l48,l49,l50,l51,l52,l53,l54,l55,l56,l57,l58,l59,l60,l61,l62,l63,l64"}
