-- your_theme_rows: each account that pays on the last day of a period, with its MRR, its first paid day, for how many days
-- it has paid, and whether it counts. This is where your own condition goes.
create view your_theme_rows as
select label, account_id, customer_mrr.segment, mrr, since, measured_on - since as days_paid,
  days_paid < your_theme_days as counts
from period cross join rules
join customer_mrr using (label)
join (select label, account_id, min(start_on) as since from paid group by all) using (label, account_id)
where day = measured_on;

-- your_theme: of the accounts that pay those that count, in all and by segment. Periods in which nobody pays are there too.
create view your_theme as
select label, case when grouping(segment) = 0 then 'segment' else '' end as segment_by, segment,
  count(account_id) as paying, count(*) filter (counts) as your_theme,
  your_theme / nullif(paying, 0) as your_theme_share
from period left join your_theme_rows using (label)
group by grouping sets ((label), (label, segment)) having grouping(segment) = 1 or paying > 0;

-- your_theme_list: the accounts that count, as a reader knows them.
create view your_theme_list as
select label, account_id as customer_id, coalesce(customer, account_id) as customer, named_account.segment, owner, mrr, since,
  days_paid
from your_theme_rows left join named_account using (label, account_id)
where counts;
