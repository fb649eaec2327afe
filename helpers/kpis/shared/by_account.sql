-- by_account_NAME: one value per account and period, for links and backtests: name yours so, and an experiment can ask it.
-- A period whose figure is refused gives none.

-- by_account_inactive_customers: 1 for those that are silent at the end of the period, 0 for those that are active.
create view by_account_inactive_customers as
select label, account_id, cast(state = 'silent' as integer) as value
from inactive_customers_rows
where state in ('silent', 'active') and label not in (select label from silence_notes where kind = 'refused');

-- by_account_days_silent: the days since anybody of the account last used the product.
create view by_account_days_silent as
with last_active as (
  select label, customer_id, last_on - max(active_on) as days
  from reading join customer_day on active_on <= last_on and known_day between known_from and known_until
  where moment = 'close' group by label, last_on, customer_id
)
select label, coalesce(account_id, customer_id) as account_id, min(days) as value
from last_active anti join feed_notes using (label) left join account using (label, customer_id)
group by all;

-- by_account_pac_mean: the mean product activity coefficient of its users.
create view by_account_pac_mean as
select label, account_id, pac_mean as value from pac_account_rows anti join feed_notes using (label) where users > 0;

-- by_account_pac_breadth: the share of its users that were active in the last 28 days.
create view by_account_pac_breadth as
select label, account_id, recent_users / users as value
from pac_account_rows anti join feed_notes using (label) where users > 0;

-- by_account_mrr: what it pays a month.
create view by_account_mrr as
select label, account_id, mrr as value
from mrr_rows where label not in (select label from stock_notes where kind = 'refused');

-- by_account_first_contact_resolution: of its questions that could be settled with one answer, the share that was.
create view by_account_first_contact_resolution as
select label, account_id, avg(cast(state = 'resolved' as integer)) as value
from first_contact_resolution_rows where is_eligible group by all;

-- by_account_turbo_estimate: of its requests for a price, the share that got it within the hours that were promised.
create view by_account_turbo_estimate as
select label, account_id, avg(cast(state = 'on time' as integer)) as value
from turbo_estimate_rows anti join turbo_estimate_notes using (label) join account using (label, customer_id)
where state in ('on time', 'late', 'unanswered') group by all;

-- by_account_sprint_on_time: of the commitments to it, the share that was delivered by the day first promised.
create view by_account_sprint_on_time as
select label, account_id, avg(cast(state = 'on time' as integer)) as value
from sprint_on_time_rows join account using (label, customer_id) where is_due group by all;

-- by_account_delivered_value: the value that it confirmed, over what it was invoiced.
create view by_account_delivered_value as
select label, account_id, ratio as value
from delivered_value_rows where is_counted and label not in (select label from delivered_value_notes where kind = 'refused');
