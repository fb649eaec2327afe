-- What pages print of these queries, in English, and say in the language of the pack:
-- message: not recurring
-- message: status {name}
-- message: renewal gaps of at most {days} days, counted as continuous at the old MRR: {n}
-- message: versions of one line overlap in subscription {ids}; close one before the next opens
-- message: MRR is below 0 in subscription {ids}; correct its price or discount
-- message: voluntary
-- message: payment
-- message: paused

-- version: each version of a subscription line, with its MRR in its own currency and why it does not count, if it does
-- not (`out`). One row per version and span of days in which it is known in this form.
-- `ends` is the first day on which it does not count any more, `served_until` the first without service, which is later
-- where a line is lost with its cancellation (churn_day).
-- A version's end and its reason depend on the version that follows it, as far as that one is known. Lines that are not
-- plain (gaps that grace_days may close, overlaps, pauses, versions that change or become known out of order) are
-- therefore looked at once for each day on which something about the line is learnt.
create table version as
with form as (
  select subscriptions.*, local_day(cancelled_at) as cancelled_on,
    coalesce(case when status = 'canceled' then coalesce(end_on, local_day(cancelled_at)) else end_on end, date '9999-12-31')
      as service_end,
    case when not coalesce(is_recurring, true) then 'not recurring'
         when status in ('trialing', 'paused', 'unpaid') then 'status ' || status
         when status = 'canceled' and end_on is null and cancelled_at is null then 'status canceled' end as out,
    coalesce(term_months, case
      when contract_value is null then null
      when cast(start_on + to_months(cast((year(end_on) - year(start_on)) * 12 + month(end_on) - month(start_on) as integer)) as date)
        = end_on then (year(end_on) - year(start_on)) * 12 + month(end_on) - month(start_on)
      else (end_on - start_on) * 12 / 365 end) as term
  from subscriptions
),
ended as (
  select form.* exclude (service_end), service_end,
    case when rules.churn_day = 'cancelled_at' then least(service_end, coalesce(cancelled_on, date '9999-12-31'))
         else service_end end as ends,
    round(coalesce(mrr, coalesce(
      unit_amount * quantity * case "interval"
        when 'day' then 365 / 12 when 'week' then 365 / 84 when 'month' then 1.0
        when 'quarter' then 1 / 3 when 'year' then 1 / 12 end / interval_count,
      contract_value / term
    ) - case when rules.discounts = 'all' or (rules.discounts = 'forever' and discount_kind = 'forever')
             then coalesce(discount_mrr, 0) else 0 end), 9) as amount,
    greatest(grace_days, 1) as gap_days
  from form cross join rules
),
line as (
  select subscription_id, line_id,
    coalesce(bool_or(next_on - ends between 1 and gap_days or next_on - service_end between 1 and gap_days
      or next_on < service_end or next_known < known_from or known_until < date '9999-12-31' or out is not null), false)
      as is_tangled
  from (
    select *, lead(start_on) over sorted as next_on, lead(known_from) over sorted as next_known
    from ended window sorted as (partition by subscription_id, line_id order by start_on, known_from)
  )
  group by all
),
tangled_version as (
  from ended
  semi join line on ended.subscription_id = line.subscription_id and ended.line_id is not distinct from line.line_id and is_tangled
),
learnt as (
  select subscription_id, line_id, day,
    coalesce(lead(day) over (partition by subscription_id, line_id order by day) - 1, date '9999-12-31') as last_day
  from (
    select subscription_id, line_id, known_from as day from tangled_version
    union select subscription_id, line_id, known_until + 1 from tangled_version where known_until < date '9999-12-31'
  )
),
tangled as (
  select own.* exclude (known_from, known_until), day as known_from, last_day as known_until,
    lead(start_on) over next_one as next_on, lead(status) over next_one as next_status, lead(out) over next_one as next_out
  from tangled_version as own
  join learnt on own.subscription_id = learnt.subscription_id and own.line_id is not distinct from learnt.line_id
    and day between known_from and known_until
  window next_one as (partition by own.subscription_id, own.line_id, day order by start_on)
),
all_versions as (
  select *, null as next_on, null as next_status, null as next_out from ended
  semi join line on ended.subscription_id = line.subscription_id and ended.line_id is not distinct from line.line_id and not is_tangled
  union all by name
  from tangled
)
select customer_id, subscription_id, line_id, product, plan, renewal_on, start_on, currency, "interval", interval_count,
  quantity, seat_based, term, amount, cancelled_on, out, known_from, known_until,
  case when bridged then next_on else ends end as ends,
  case when served_on then next_on else service_end end as served_until,
  coalesce(cancel_reason, case next_status when 'paused' then 'paused' when 'unpaid' then 'payment' end) as reason,
  coalesce(next_on < service_end, false) as is_overlapping, bridged
from (
  select *, out is null and next_out is null and coalesce(next_on - ends between 1 and gap_days, false) as bridged,
    out is null and next_out is null and coalesce(next_on - service_end between 1 and gap_days, false) as served_on
  from all_versions
);

-- paying: the versions that count. One is in force on the days from start_on up to, and without, `ends`.
create view paying as
from version where out is null and amount > 0 and ends > start_on;

-- account: the customers of each period, with the account that pays for them (the parent, where account_level says so)
-- and that account's segment.
create table account as
with known as (
  select label, customer_id, nullif(segment, '') as segment,
    case when account_level = 'parent' then coalesce(parent_id, customer_id) else customer_id end as account_id
  from period join customers on known_day between known_from and known_until cross join rules
)
select label, customer_id, account_id, segment from known where account_id = customer_id
union all
select known.label, known.customer_id, known.account_id, payer.segment
from known left join known as payer on known.label = payer.label and known.account_id = payer.customer_id
where known.account_id <> known.customer_id;

-- paid_for: the customers of each period that another account pays for.
create table paid_for as
select label, customer_id, account_id from account where account_id <> customer_id;

-- registered: the customers as accounts, on the days on which each is known. What is made of many versions joins paid_for and
-- this, which has a row per customer, and not account, which has one per customer and period.
create view registered as
select customer_id as account_id, nullif(segment, '') as segment, known_from, known_until from customers;

-- paid: the versions that count in each period, each with its account.
create view paid as
select period.label, paying.* exclude (known_from, known_until), coalesce(account_id, paying.customer_id) as account_id, segment
from period
join paying on known_day between known_from and known_until
left join account on account.label = period.label and account.customer_id = paying.customer_id;

-- unit_end: for each day on which something may begin, the last day of its month, or of the unit that movement_grain
-- names; null where a listed calendar does not reach.
create table unit_end as
select day, case movement_grain
    when 'day' then day
    when 'month' then last_day(day)
    else coalesce(
      (select min(listed_quarter.starts_on) - 1 from listed_quarter where listed_quarter.starts_on > day),
      case when not exists (from listed_quarter)
        then last_day(day + to_months(cast(2 - (month(day) - fiscal_year_start_month + 12) % 3 as integer))) end)
    end as last_on
from (
  select distinct start_on as day from version
  union
  select cast(unnest(generate_series(
    least(min(starts_on), (select min(start_on) from version)), max(measured_on), interval 1 day)) as date)
  from period
) cross join rules;

-- snapshot: the days on which each period takes customers' MRR: its eve, the unit ends in it, and its last day. Movements
-- lead from a day's previous_day to it, and from it to its next_day.
create table snapshot as
with step as (
  select label, opening_day as day from period
  union select label, measured_on from period
  union select label, last_on from period join unit_end on day between starts_on and measured_on where last_on <= measured_on
)
select label, day, lag(day) over steps as previous_day, lead(day) over steps as next_day
from step window steps as (partition by label order by day);

-- holding: what each version that counts is worth on each snapshot day on which it is in force, at the rate of that day
-- (mrr) and of the next snapshot day (next_mrr). Sums of decimals are exact in any order, so that a customer whose price
-- did not change shows no movement.
create view holding as
select label, day, coalesce(paid_for.account_id, in_force.customer_id) as account_id, registered.segment, product, term, mrr, next_mrr
from (
  select label, known_day, day, customer_id, product, term,
    cast(amount * today.rate as decimal(38, 9)) as mrr, cast(amount * later.rate as decimal(38, 9)) as next_mrr
  from snapshot join period using (label)
  join paying on start_on <= day and ends > day and known_day between known_from and known_until
  left join rate today on today.currency = paying.currency and day between today.valid_from and today.valid_until
  left join rate later on later.currency = paying.currency and next_day between later.valid_from and later.valid_until
) as in_force
left join paid_for using (label, customer_id)
left join registered on registered.account_id = coalesce(paid_for.account_id, in_force.customer_id)
  and known_day between registered.known_from and registered.known_until;

-- customer_mrr: the MRR of each account that pays on a snapshot day, in the review's currency.
create table customer_mrr as
select label, day, account_id, segment, sum(mrr) as mrr, sum(next_mrr) as next_mrr,
  sum(mrr) filter (term < 12) as short_term
from holding group by all;

-- compared_mrr: each account's MRR on one snapshot day (opening) and on the next (closing), and which movement leads from the one
-- to the other (K22). `revalued` is its opening MRR at the rate of to_day.
create table compared_mrr as
with step as (
  select snapshot.label, account_id, segment, previous_day as from_day, snapshot.day as to_day,
    coalesce(sum(mrr) filter (customer_mrr.day = previous_day), 0) as opening,
    coalesce(sum(next_mrr) filter (customer_mrr.day = previous_day), 0) as revalued,
    coalesce(sum(mrr) filter (customer_mrr.day = snapshot.day), 0) as closing
  from snapshot
  join customer_mrr on customer_mrr.label = snapshot.label and customer_mrr.day in (previous_day, snapshot.day)
  where previous_day is not null
  group by all
),
paid_first as (
  select label, account_id, min(to_day) as paid_on from step where opening = 0 and closing > 0 group by all
),
newcomer as (
  from paid_first
  anti join (
    select label, account_id from customer_mrr join period using (label) where day = opening_day and mrr > 0
  ) using (label, account_id)
  anti join (
    select label, account_id from first_seen join period using (label) where seen_on <= opening_day
  ) using (label, account_id)
)
select step.*,
  case when opening = 0 and closing > 0 and paid_on = to_day then 'new'
       when opening = 0 and closing > 0 then 'reactivation'
       when opening > 0 and closing = 0 then 'churn'
       when closing > revalued then 'expansion'
       when closing < revalued then 'contraction' end as movement
from step left join newcomer using (label, account_id);

-- movement: the same with what the movement amounts to, so that opening + fx + change = closing.
create view movement as
select *, revalued - opening as fx, closing - revalued as change from compared_mrr;

-- moved: each account that stands in a movement, an opening or a closing of the period, with the sums of its movements.
create table moved as
select movement.label, account_id, segment,
  coalesce(sum(opening) filter (from_day = opening_day), 0) as opening,
  coalesce(sum(change) filter (movement = 'new'), 0) as new,
  coalesce(sum(change) filter (movement = 'reactivation'), 0) as reactivation,
  coalesce(sum(change) filter (movement = 'expansion'), 0) as expansion,
  coalesce(sum(change) filter (movement = 'contraction'), 0) as contraction,
  coalesce(sum(change) filter (movement = 'churn'), 0) as churn,
  sum(fx) as fx,
  coalesce(sum(closing) filter (to_day = measured_on), 0) as closing
from movement join period using (label)
group by all;

-- expansion_source: what the expansion of the period comes from (K14): the account holds a product for the first time
-- since the snapshot before (cross_sell; new_product where that was launched at most 365 days before), else upsell.
create table expansion_source as
with held as (
  select label, account_id, product, min(start_on) as product_on from paid where product is not null group by all
),
newest as (
  select label, account_id, day, max(product_on) as product_on,
    max(product_on) filter (product_on - launched_on <= 365) as launch_on
  from (from holding where product is not null)
  join held using (label, account_id, product)
  left join (
    select label, product, launched_on from period join products on known_day between known_from and known_until
  ) using (label, product)
  group by all
)
select movement.label, movement.account_id, change,
  case when launch_on > from_day then 'new_product' when product_on > from_day then 'cross_sell' else 'upsell' end as source
from movement
left join newest on newest.label = movement.label and newest.account_id = movement.account_id and newest.day = to_day
where movement = 'expansion';

-- first_seen: the first snapshot day of any period on which an account was seen paying; a day long past where it paid
-- before the first subscription that is known.
create table first_seen as
with first_sighting as (
  select customer_id, known_from, known_until, min(last_on) as last_on
  from paying join unit_end on day = start_on and ends > last_on group by all
),
sighting as (
  from first_sighting
  -- One that is later than another, which is known by then and for good, is nobody's first.
  qualify coalesce(last_on < min(last_on) filter (known_until = date '9999-12-31') over (
    partition by customer_id order by known_from, last_on rows between unbounded preceding and 1 preceding), true)
),
seen as (
  select period.label, coalesce(account_id, sighting.customer_id) as account_id, last_on as seen_on
  from period
  join sighting on known_day between known_from and known_until
  left join paid_for on paid_for.label = period.label and paid_for.customer_id = sighting.customer_id
  union all
  select period.label, account_id, date '0001-01-01'
  from period
  join earliest_subscription using (label)
  join customers on known_day between known_from and known_until and first_paid_on < earliest
  join account on account.label = period.label and account.customer_id = customers.customer_id
)
select label, account_id, min(seen_on) as seen_on from seen group by all;

-- subscription_notes: what every figure made of subscriptions tells: versions that do not count and why, gaps that were
-- closed, and why a period is refused.
create table subscription_notes as
with known as (
  select label, version.*, start_on <= measured_on and ends > opening_day as is_here
  from period join version on known_day between known_from and known_until
),
refusal as (
  select label, 'versions of one line overlap in subscription ' as why, '; close one before the next opens' as remedy,
    list_sort(list_distinct(list(subscription_id))) as ids
  from known where is_overlapping group by label
  union all
  select label, 'MRR is below 0 in subscription ', '; correct its price or discount',
    list_sort(list_distinct(list(subscription_id)))
  from known where out is null and amount < 0
    and label not in (select label from known where is_overlapping) group by label
)
select label, 'left out' as kind, 'subscriptions: ' || out as text, count(*) as rows
from known where is_here and out is not null group by all
union all
select label, 'warning',
  'renewal gaps of at most ' || greatest(any_value(grace_days), 1) || ' days, counted as continuous at the old MRR: ' || count(*),
  null
from known cross join rules where is_here and bridged group by label
union all
select label, 'refused', why || array_to_string(ids[1:5], ', ')
  || case when len(ids) > 5 then ' and ' || len(ids) - 5 || ' more' else '' end || remedy, null
from refusal;

-- used_currency: the currencies in which something counts, from the first day to, and without, the last.
create table used_currency as
select label, currency, min(first_day) as first_day, max(end_day) as end_day
from period
join (
  select currency, known_from, known_until, min(start_on) as first_day, max(ends) as end_day
  from version where out is null group by all
) on known_day between known_from and known_until
group by all;

-- missing_rate: the currencies in which something counts on a snapshot day, and that have no rate on it.
create table missing_rate as
select label, day, coalesce(used_currency.currency, 'an amount without a currency') as currency
from snapshot join used_currency using (label)
left join rate on rate.currency = used_currency.currency and day between valid_from and valid_until
where day >= first_day and day < end_day and rate.rate is null;

-- earliest_subscription: the first day of any version that is known.
create table earliest_subscription as
select label, min(first_day) as earliest
from period
join (select known_from, known_until, min(start_on) as first_day from version group by all)
  on known_day between known_from and known_until
group by all;
