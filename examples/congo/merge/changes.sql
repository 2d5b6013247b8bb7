UPDATE crm_1.people SET name = 'ann, renamed' WHERE id = 1;
DELETE FROM crm_0.people WHERE id = 2;
INSERT INTO crm_2.people VALUES (3, 'cem of 2');
