-- What pages print of these queries, in English, and say in the language of the pack:
-- message: a month's worth: MRR of new customers and of expansions

-- mrr_gain: where the parameter basis says mrr, what is booked is the MRR of customers that are new in a period, and of
-- expansions (K22). One row per account and source, at the exchange rates that the review counts with.
create table mrr_gain as
select label, account_id, 'new_logo' as source, sum(change) as amount from movement where movement = 'new' group by all
union all
select label, account_id, source, sum(change) from expansion_source group by all;

-- The rows behind new bookings are then accounts, each with the MRR that it is new with or expanded by.
create view new_revenue_rows_if_basis_is_mrr as
select label, account_id, source, amount as new_revenue from mrr_gain;

-- The same of the period and of those that it is compared with.
create view revenue_growth_rows_if_basis_is_mrr as
select booking_span.label, span, account_id, source, amount as new_revenue
from booking_span join mrr_gain on mrr_gain.label = of_label;

-- `sales` are accounts here. Each span is told as its own period is, if that is among the periods.
create table booked_if_basis_is_mrr as
with source as (
  select unnest(['new_logo', 'upsell', 'cross_sell', 'new_product']) as source, unnest(range(1, 5)) as place
)
select booking_span.label, span, fx_mode as fx, source.source, place, count(account_id) as sales,
  coalesce(sum(amount), 0) as amount
from booking_span join period on period.label = of_label
cross join rules cross join source
left join mrr_gain on mrr_gain.label = of_label and mrr_gain.source = source.source
group by all;

-- Bookings could be known from the first subscription on.
create view booked_from_if_basis_is_mrr as
select label, earliest as first_day from earliest_subscription;

-- Spans are refused where MRR is.
create table unrated_booking_if_basis_is_mrr as
with refused as (
  select label, text as reason from subscription_notes where kind = 'refused'
  union all
  select label, 'no rate for ' || string_agg(distinct currency, ', ' order by currency) || '; add it to fx_rates'
  from missing_rate join period using (label) where day >= opening_day group by label
)
select booking_span.label, span, fx_mode as fx, min(reason) as reason
from booking_span join refused on refused.label = of_label cross join rules
group by all;

-- No deal is judged one by one, so nothing is left out.
create view booking_notes_if_basis_is_mrr as
select label, 'warning' as kind, 'a month''s worth: MRR of new customers and of expansions' as text, null as rows,
  0 as place
from period;
