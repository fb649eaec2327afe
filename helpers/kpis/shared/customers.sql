-- named_account: each customer of a period as a reader knows it: its name, segment and owner, and whom to write to. A list
-- joins it left by account_id; an account without a row here, such as a parent that is no customer, goes by its key.
create view named_account as
select label, customer_id as account_id, name as customer, segment, owner, contact_email
from period join customers on known_day between known_from and known_until;

-- first_days: of each account the first day of its customers' clocks of time to value, of first value, and of payment, as
-- customers tell them.
create view first_days as
select label, account_id, min(coalesce(ttv_start_on, signed_up_on)) as start_on, min(first_value_on) as first_value_on,
  min(first_paid_on) as first_paid_on
from period join customers on known_day between known_from and known_until join account using (label, customer_id)
group by all;
