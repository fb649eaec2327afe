-- mrr_gain: where the parameter basis says mrr, what is booked is the MRR of customers that are new in a period, and of
-- expansions (K22). One row per account and source; at the rates of the review's own way and at the fixed ones.
create table mrr_gain as
with gain as (
  select label, account_id, 'new_logo' as source, from_day, to_day, change from movement where movement = 'new'
  union all
  select label, account_id, source, from_day, to_day, change from expansion_source
),
fixed_gain as (
  select gain.label, gain.account_id, source,
    sum(cast(amount * rate as decimal(38, 9)) * case when ends > to_day then 1 else -1 end) as change
  from gain
  join paid on paid.label = gain.label and paid.account_id = gain.account_id and start_on <= to_day and ends > from_day
    and (start_on > from_day) <> (ends <= to_day)
  left join fixed_rate on fixed_rate.currency = paid.currency
  group by all
)
select label, account_id, source, fx_mode as fx, sum(change) as amount from gain cross join rules group by all
union all
select label, account_id, source, 'fixed', change from fixed_gain join rules on fx_mode <> 'fixed';

-- The rows behind new bookings are then accounts, each with the MRR that it is new with or expanded by.
create view new_revenue_rows_if_basis_is_mrr as
select label, account_id, source, amount as new_revenue from mrr_gain join rules on fx = fx_mode;

-- The same of the period and of those that it is compared with, at the fixed rates.
create view revenue_growth_rows_if_basis_is_mrr as
select booking_span.label, span, account_id, source, amount as new_revenue
from booking_span join mrr_gain on mrr_gain.label = of_label
where fx = 'fixed';

-- `sales` are accounts here. A span is told if it is a period of the pack, as known there.
create table booked_if_basis_is_mrr as
with source as (
  select unnest(['new_logo', 'upsell', 'cross_sell', 'new_product']) as source, unnest(range(1, 5)) as place
)
select booking_span.label, span, booking_rates.fx, source.source, place, count(account_id) as sales,
  coalesce(sum(amount), 0) as amount
from booking_span
join period on period.label = of_label
cross join booking_rates cross join source
left join mrr_gain on mrr_gain.label = of_label and mrr_gain.fx = booking_rates.fx and mrr_gain.source = source.source
group by all;

-- Bookings could be known from the first subscription on.
create view booked_from_if_basis_is_mrr as
select label, earliest as first_day from earliest_subscription;

-- Spans are refused where MRR is.
create table unrated_booking_if_basis_is_mrr as
with unrated as (
  select label, currency from missing_rate join period using (label) where day >= opening_day
  union all
  select label, paid.currency from paid join period using (label) cross join rules
  where start_on <= measured_on and ends >= starts_on and paid.currency not in (select currency from fixed_rate)
),
refused as (
  select label, text as reason from subscription_notes where kind = 'refused'
  union all
  select label, 'no rate for ' || string_agg(distinct currency, ', ' order by currency) || '; add it to fx_rates'
  from unrated group by label
)
select booking_span.label, span, fx, min(reason) as reason
from booking_span join refused on refused.label = of_label cross join booking_rates
group by all;

-- No deal is judged one by one, so nothing is left out.
create view booking_notes_if_basis_is_mrr as
select label, 'warning' as kind, 'a month''s worth: MRR of new customers and of expansions' as text, null as rows,
  0 as place
from period;
