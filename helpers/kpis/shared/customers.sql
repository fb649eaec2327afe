-- named_account: each customer of a period as a reader knows it: its name, segment and owner, and whom to write to. A list
-- joins it left by account_id; an account without a row here, such as a parent that is no customer, goes by its key.
create view named_account as
select label, customer_id as account_id, name as customer, segment, owner, contact_email
from period join customers on known_day between known_from and known_until;
