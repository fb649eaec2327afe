-- has_many_customers: whether more customers paid in the two years before the end of the review's own period than a sheet of
-- all their month ends is of use for, which is `most`.
create view has_many_customers as
select 10000 as most, count(distinct customer_id) > most as is_so
from period
join rules on label = review_label
join paying on known_day between known_from and known_until and start_on <= measured_on
where ends > measured_on - to_months(24);

-- audited_day: the days of the list of customers by month, of the review's own period: those that movements lead over
-- (is_snapshot), those from which customers are followed, and, unless there are many customers, the month ends of two
-- years, from the first known subscription on.
create view audited_day as
with wanted as (
  select label, since as day from horizon
  union
  select label, day from snapshot
  union
  select label, last_day(cast(measured_on - to_months(cast(back as integer)) as date))
  from has_many_customers join period on not is_so cross join (select unnest(generate_series(0, 24)) as back) as months
)
select wanted.label, wanted.day, next_day, snapshot.day is not null as is_snapshot
from wanted
join period using (label)
join rules on wanted.label = review_label
left join earliest_subscription using (label)
left join snapshot on snapshot.label = wanted.label and snapshot.day = wanted.day
where wanted.day <= measured_on and (snapshot.day is not null or wanted.day >= earliest);

-- customers_by_month: what each account pays on each of these days: its MRR at the rate of the day and of the next snapshot
-- day, null where a rate is missing. first_on is the first day on which it is known to have paid.
create view customers_by_month as
with held as (
  select audited_day.label, day, is_snapshot, paying.customer_id,
    cast(amount * today.rate as decimal(38, 9)) as mrr, cast(amount * later.rate as decimal(38, 9)) as next_mrr
  from audited_day join period using (label)
  join paying on start_on <= day and ends > day and known_day between known_from and known_until
  left join rate today on today.currency = paying.currency and day between today.valid_from and today.valid_until
  left join rate later on later.currency = paying.currency and next_day between later.valid_from and later.valid_until
),
paid_on as (
  select held.label, day, is_snapshot, coalesce(account_id, held.customer_id) as account_id, segment,
    case when count(*) = count(mrr) then sum(mrr) end as mrr, sum(next_mrr) as next_mrr
  from held left join account using (label, customer_id) group by all
)
select label, day, account_id as customer_id, coalesce(customer, account_id) as customer, paid_on.segment, mrr, next_mrr,
  least(
    case when seen_on = date '0001-01-01' then first_paid_on else seen_on end,
    min(day) filter (is_snapshot) over (partition by label, account_id)
  ) as first_on
from paid_on
left join named_account using (label, account_id)
left join first_seen using (label, account_id)
left join first_days using (label, account_id);
