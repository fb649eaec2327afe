-- What pages print of these queries, in English, and say in the language of the pack:
-- message: subscriptions: {reason}
-- message: renewal gaps of at most {days} days, counted as continuous at the old MRR: {n}
-- message: history_starts_at {day}: whoever paid by then counts as new
-- message: spend: purpose retain
-- message: no_amount
-- message: won
-- message: invoiced

-- acquisition_window: the quarters over which new customers are counted: cac_window_quarters of them (`window`), and the
-- quarter alone (`quarter`). Of a quarter that is still running only the months that are over count. begins_on is null
-- where the calendar does not reach back that far.
create table acquisition_window as
with numbered as (select starts_on, row_number() over (order by starts_on) as place from quarter),
reach as (
  select label, 'window' as horizon, cast(cac_window_quarters as integer) as quarters from period cross join rules
  union all
  select label, 'quarter', 1 from period
)
select reach.label, horizon, quarters, first_one.starts_on as begins_on, first_one.starts_on - 1 as eve,
  case when is_partial then greatest(period.starts_on, cast(date_trunc('month', known_day + 1) as date)) else period.ends_on end - 1
    as last_day
from reach
join period on period.label = reach.label and period.kind = 'quarter'
join numbered as own on own.starts_on = period.starts_on
left join numbered as first_one on first_one.place = own.place - quarters + 1;

-- spend_month: the months whose spend won the customers of a window: spend_lag_months before its own. A month belongs to
-- the quarter that holds its middle.
create table spend_month as
select label, horizon, month as own_month, cast(month - to_months(cast(spend_lag_months as integer)) as date) as month
from (
  select label, horizon, begins_on, last_day,
    cast(unnest(generate_series(date_trunc('month', begins_on), last_day + 1, interval 1 month)) as date) as month
  from acquisition_window
) cross join rules
where month + 14 >= begins_on and month + 14 <= last_day;

-- department_month: the months in which each department has spend, as known in each period.
create view department_month as
select distinct label, department, month
from period join spend on known_day between known_from and known_until where kind = 'quarter';

-- spend_line: the ledger of each window in the review's currency; an empty channel or segment is (none). In CAC counts what
-- marketing and sales spent (is_sm), or support too (is_full), but for what the ledger names as spent to retain customers.
create table spend_line as
select spend_month.label, spend_month.horizon, department, coalesce(nullif(category, ''), '(none)') as category, nullif(vendor, '') as vendor,
  coalesce(nullif(channel, ''), '(none)') as channel, coalesce(nullif(segment, ''), '(none)') as segment,
  coalesce(purpose = 'retain', false) as is_retained, purpose,
  department in ('marketing', 'sales') as is_sm, department in ('marketing', 'sales', 'support') as is_full,
  cast(amount * rate as decimal(38, 9)) as amount, spend.currency, rate.rate is null as is_unrated
from spend_month
join period on period.label = spend_month.label
join acquisition_window on acquisition_window.label = spend_month.label and acquisition_window.horizon = spend_month.horizon
join spend on spend.month = spend_month.month and known_day between known_from and known_until
left join rate on rate.currency = spend.currency and last_day between valid_from and valid_until;

-- acquired: the customers whose first MRR came in a window, with that MRR: paid on one of its snapshot days, on none before.
-- Without subscriptions, those of its won new-logo deals.
create table acquired as
with day_of as (
  select label, horizon, eve as day from acquisition_window where begins_on is not null
  union select label, horizon, last_day from acquisition_window where begins_on is not null
  union select label, horizon, last_on from acquisition_window
    join unit_end on day between begins_on and last_day where last_on <= last_day
),
held as (
  select day_of.label, horizon, day, account_id, segment, sum(cast(amount * rate as decimal(38, 9))) as mrr
  from day_of
  join paid on paid.label = day_of.label and start_on <= day and ends > day
  left join rate on rate.currency = paid.currency and day between valid_from and valid_until
  group by all
),
first_held as (
  select label, horizon, account_id, segment, min(day) as new_on, arg_min(mrr, day) as mrr from held group by all
),
logo as (
  select acquisition_window.label, horizon, coalesce(account_id, deal_id) as account_id, min(closed_on) as new_on
  from acquisition_window
  join won_deal on won_deal.label = acquisition_window.label and won_deal.span = 'period'
    and closed_on between begins_on and last_day
  where kind = 'new_logo' and cancelled_on is null and not exists (from provided where what = 'subscriptions')
  group by all
)
select first_held.label, horizon, account_id, coalesce(segment, '(none)') as segment, new_on, cast(mrr as double) as mrr
from first_held
join acquisition_window using (label, horizon)
left join first_seen using (label, account_id)
where new_on > eve and not coalesce(seen_on <= eve, false) and mrr > 0
union all
select logo.label, horizon, logo.account_id, coalesce(segment, '(none)'), new_on, null
from logo left join account on account.label = logo.label and account.customer_id = logo.account_id;

-- cac_rows: the new customers of each window with the channel that won them: the source of their first won deal.
create table cac_rows as
with first_deal as (
  select label, account_id, arg_min(source, (closed_at, deal_id)) as channel
  from known_deal where outcome = 'won' and closed_on is not null group by all
)
select acquired.*, case when exists (from provided where what = 'deals.source') then coalesce(channel, '(none)') else '(none)' end
  as channel
from acquired left join first_deal using (label, account_id);

-- cac (K16): what was spent in each window to win customers, and how many were won: in all, by segment and by channel.
create table cac as
with spent as (
  select label, horizon, case when grouping(segment) = 0 then 'segment' when grouping(channel) = 0 then 'channel' else '' end
      as segment_by, coalesce(segment, channel, '') as segment,
    cast(sum(amount) filter (is_sm) as double) as spent_sm, cast(sum(amount) filter (is_full) as double) as spent_full
  from spend_line where is_full and not is_retained
  group by grouping sets ((label, horizon), (label, horizon, segment), (label, horizon, channel))
),
won as (
  select label, horizon, case when grouping(segment) = 0 then 'segment' when grouping(channel) = 0 then 'channel' else '' end
      as segment_by, coalesce(segment, channel, '') as segment, count(*) as n, sum(mrr) as mrr
  from cac_rows
  group by grouping sets ((label, horizon), (label, horizon, segment), (label, horizon, channel))
),
whole as (select label, horizon, '' as segment_by, '' as segment from acquisition_window),
asked as (from whole union select label, horizon, segment_by, segment from spent union select label, horizon, segment_by, segment from won)
select label, horizon, segment_by, segment, spent_sm, spent_full, coalesce(n, 0) as n, mrr,
  spent_sm / nullif(n, 0) as cac_sm, spent_full / nullif(n, 0) as cac_full
from asked
left join spent using (label, horizon, segment_by, segment)
left join won using (label, horizon, segment_by, segment);

-- acquisition_notes: what every figure of a window tells: versions that do not count, gaps that were closed, spend that was
-- left out, a history that begins late; and why a window is refused, the first reason (place) first.
create table acquisition_notes as
with known as (
  select acquisition_window.label, horizon, version.*, start_on <= last_day and ends > eve as is_here
  from acquisition_window
  join period using (label)
  join version on known_day between version.known_from and version.known_until
),
unrated as (
  select acquisition_window.label, horizon, paid.currency
  from acquisition_window
  join paid on paid.label = acquisition_window.label and start_on <= last_day and ends > eve
  left join rate on rate.currency = paid.currency and last_day between valid_from and valid_until
  where rate.rate is null
)
select label, horizon, '' as variant, 'left out' as kind, 'subscriptions: ' || out as text, count(*) as rows, 0 as place
from known where is_here and out is not null group by all
union all
select label, horizon, '', 'warning', 'renewal gaps of at most ' || greatest(any_value(grace_days), 1)
  || ' days, counted as continuous at the old MRR: ' || count(*), null, 1
from known cross join rules where is_here and bridged group by label, horizon
union all
select label, horizon, '', 'warning', 'history_starts_at ' || earliest || ': whoever paid by then counts as new', null, 2
from acquisition_window join earliest_subscription using (label) where earliest > eve
union all
select label, horizon, 'sm', 'left out', 'spend: purpose retain', count(*), 3 from spend_line where is_retained and is_sm group by all
union all
select label, horizon, 'full', 'left out', 'spend: purpose retain', count(*), 3 from spend_line where is_retained and is_full group by all
union all
select label, horizon, 'sm', 'refused', 'no rate for '
  || string_agg(distinct coalesce(currency, 'an amount without a currency'), ', ' order by coalesce(currency, 'an amount without a currency'))
  || '; add it to fx_rates', null, 4
from spend_line where is_unrated and is_sm and not is_retained group by label, horizon
union all
select label, horizon, 'full', 'refused', 'no rate for '
  || string_agg(distinct coalesce(currency, 'an amount without a currency'), ', ' order by coalesce(currency, 'an amount without a currency'))
  || '; add it to fx_rates', null, 4
from spend_line where is_unrated and is_full and not is_retained group by label, horizon
union all
select acquisition_window.label, horizon, '', 'refused', subscription_notes.text, null, 5
from acquisition_window join subscription_notes using (label) where subscription_notes.kind = 'refused'
union all
select label, horizon, '', 'refused', 'no rate for ' || string_agg(distinct currency, ', ' order by currency) || '; add it to fx_rates', null, 6
from unrated group by label, horizon;

-- newcomer: the customers new in the period itself, as it stands.
create view newcomer as
select label, account_id from moved where new > 0
union all
select distinct period.label, coalesce(account_id, deal_id)
from period
join won_deal on won_deal.label = period.label and span = 'period' and closed_on between period.starts_on and period.measured_on
where won_deal.kind = 'new_logo' and cancelled_on is null and not exists (from provided where what = 'subscriptions');

-- new_customers: how many they are.
create view new_customers as
select label, '' as segment_by, '' as segment, count(account_id) as new_customers
from period left join newcomer using (label) group by label;

-- cac_payback (K17): what it cost to win a customer (cac_full), over what a new one pays a month at gross margin.
create view cac_payback as
select label, '' as segment_by, '' as segment, n, margin, spent_full, spent_full / nullif(n, 0) as cac_full, mrr / nullif(n, 0) * margin as monthly,
  case when monthly > 0 then cac_full / monthly end as cac_payback
from cac join margin using (label) where horizon = 'window' and segment_by = '';

-- cac_payback_rows: the new customers of the window.
create view cac_payback_rows as
from cac_rows where horizon = 'window';

-- margin: the gross margin of each period; null where none is given, as 100 % is never assumed.
create view margin as
select label, coalesce(cast(gross_margin as double), cast(gross_margin_by[label] as double)) as margin from period cross join rules;

-- ltv_rows: each customer that ever paid by the end of the period: the months from its first paid day to its last, or to the
-- end of the period, whether it left, and its MRR on the last day.
create table ltv_rows as
with shown as (
  select period.* from period join rules on true join period as review on review.label = review_label and review.kind = period.kind
),
life as (
  select paid.label, account_id, segment, min(start_on) as since, max(ends) as until
  from paid join shown on shown.label = paid.label where start_on <= measured_on group by all
)
select label, account_id, life.segment, since, until, (least(until, measured_on + 1) - since) * 12 / 365 as months,
  until <= measured_on as is_left, coalesce(cast(mrr_rows.mrr as double), 0) as mrr
from life join shown using (label) left join mrr_rows using (label, account_id);

-- churn_month: over the 12 months to the end of the period, the customer-months at risk by segment, and those churned: a
-- customer is at risk in a month on whose eve it pays, and has churned if it does not on its last day.
create view churn_month as
with step as (
  select label, step, cast(measured_on + 1 - to_months(cast(12 - step as integer)) as date) - 1 as day
  from period cross join (select unnest(range(0, 13)) as step) semi join ltv_rows using (label)
),
seen as (
  select distinct step.label, account_id, segment, step
  from step join paid on paid.label = step.label and start_on <= day and ends > day
),
judged as (select *, lead(step) over (partition by label, account_id order by step) as next_step from seen)
select label, segment, count(*) filter (step < 12) as at_risk,
  count(*) filter (step < 12 and coalesce(next_step > step + 1, true)) as churned
from judged group by label, segment;

-- ltv (K18): what a month of a customer is worth (arpa × margin), its churn, and ltv_margin, the first over the second. The
-- mean life of ltv_km is by Kaplan-Meier over months and is_left.
create table ltv as
with life as (
  select label, case when grouping(segment) = 0 then 'segment' else '' end as segment_by, segment,
    sum(mrr) / nullif(count(*) filter (mrr > 0), 0) as arpa, max(months) as longest, count(*) as n
  from ltv_rows group by grouping sets ((label), (label, segment))
),
churned as (
  select label, case when grouping(segment) = 0 then 'segment' else '' end as segment_by, segment,
    sum(at_risk) as at_risk, sum(churned) as churned
  from churn_month group by grouping sets ((label), (label, segment))
)
select period.label, coalesce(life.segment_by, '') as segment_by, life.segment, arpa, margin,
  cast(measured_on + 1 - to_months(12) as date) as orders_since, longest, coalesce(n, 0) as n,
  ltv_horizon_months, coalesce(at_risk, 0) as at_risk, coalesce(churned, 0) as churned, case when churned > 0 then arpa * margin * at_risk / churned when at_risk > 0 then arpa * margin * ltv_horizon_months end as ltv_margin,
  cast(measured_on + 1 - to_months(12) as date) - 1 as churn_since
from period
join margin using (label)
cross join rules
left join life using (label)
left join churned on churned.label = period.label and churned.segment_by = life.segment_by
  and churned.segment is not distinct from life.segment;

-- other_acquisition: what departments that are in no CAC spent in the window on winning customers.
create view other_acquisition as
select label, cast(sum(amount) as double) as amount,
  min(coalesce(currency, 'an amount without a currency')) filter (is_unrated) as unrated
from spend_line where horizon = 'window' and not is_full and purpose = 'acquire' group by label;

-- ltv_net: what lifetime value (arpa × margin × the mean life, made from ltv_rows) is lessened by: what it cost to win a
-- customer, and what other departments spent on it, for each of the n new customers.
create view ltv_net as
select label, '' as segment_by, '' as segment, arpa, margin, longest, cac_full, other_acquisition.amount as spent_by_others, cac.n
from ltv join cac using (label) left join other_acquisition using (label)
where horizon = 'window' and cac.segment_by = '' and ltv.segment_by = '';

-- ltv_orders: what was invoiced in the last 12 months without tax, net of credits, and how many customers ordered.
create view ltv_orders as
with line as (
  select period.label, coalesce(account_id, invoices.customer_id) as account_id, account.segment, amount * rate as amount,
    case when rate.rate is null then coalesce(invoices.currency, 'an amount without a currency') end as unrated
  from period
  join invoices on known_day between known_from and known_until and invoices.kind <> 'tax'
    and invoiced_on > cast(measured_on + 1 - to_months(12) as date) - 1 and invoiced_on <= measured_on
  left join account on account.label = period.label and account.customer_id = invoices.customer_id
  left join rate on rate.currency = invoices.currency and measured_on between valid_from and valid_until
)
select label, case when grouping(segment) = 0 then 'segment' else '' end as segment_by, segment,
  cast(sum(cast(amount as decimal(38, 9))) as double) as revenue, count(distinct account_id) filter (amount > 0) as customers,
  any_value(lifetime_months) as lifetime_months, min(unrated) as unrated,
  cast(sum(cast(amount as decimal(38, 9))) as double) / nullif(count(distinct account_id) filter (amount > 0), 0)
    * any_value(lifetime_months) / 12 as ltv_orders
from period left join line using (label) cross join rules
group by grouping sets ((label), (label, segment)) having grouping(segment) = 1 or count(account_id) > 0;

-- first_invoice: the first day of an invoice that is known.
create view first_invoice as
select label, min(invoiced_on) as day from period join invoices on known_day between known_from and known_until group by label;

-- ltv_cac (K19): lifetime value at gross margin (arpa × margin × the mean life, made from ltv_rows) over what it cost to win
-- a customer.
create view ltv_cac as
select label, '' as segment_by, '' as segment, cac.n, spent_full, cac_full, arpa, margin, longest
from cac join ltv using (label) where horizon = 'window' and cac.segment_by = '' and ltv.segment_by = '';

-- ltv_cac_rows: the customers whose lives count.
create view ltv_cac_rows as
from ltv_rows;

-- sales_total_rows: each deal won in the period with its whole amount, and each invoice line without tax.
create view sales_total_rows as
select label, 'won' as sales, deal_id as id, coalesce(amount, 0) + coalesce(one_off_amount, 0) as amount,
  amount is not null or one_off_amount is not null as is_priced, is_unrated, booking.currency, '' as kind, uplift, acv
from booking join rules on fx = fx_mode
where span = 'period' and not is_reversed and state is distinct from 'won and cancelled in the period'
union all
select period.label, 'invoiced', invoice_line_id, amount * rate, true, rate.rate is null, invoices.currency,
  case when invoices.kind = 'recurring' then 'recurring' else 'other' end, null, null
from period
join invoices on known_day between known_from and known_until and invoices.kind <> 'tax'
  and invoiced_on between starts_on and measured_on
left join rate on rate.currency = invoices.currency and measured_on between valid_from and valid_until;

-- sales_total (G02): what was won and what was invoiced, two answers to what sales were, and no total of them.
create view sales_total as
select period.label, 'sales' as segment_by, answer.sales as segment, answer.place,
  case when answer.sales = 'won' and count(id) > 0 and count(id) filter (is_priced) = 0 then null
    else coalesce(cast(sum(cast(amount as decimal(38, 9))) as double), 0) end as sales_total,
  count(id) filter (is_priced) as n,
  string_agg(distinct coalesce(currency, 'an amount without a currency'), ', ' order by coalesce(currency, 'an amount without a currency'))
    filter (is_unrated) as unrated
from period cross join (values (1, 'won'), (2, 'invoiced')) as answer(place, sales)
left join sales_total_rows on sales_total_rows.label = period.label and sales_total_rows.sales = answer.sales
group by period.label, answer.sales, answer.place;

-- sales_left_out: the deals that stand in no amount won: cancelled in the same period, or without an amount.
create view sales_left_out as
select label, state, count(*) as deals
from booking join rules on fx = fx_mode
where span = 'period' and not is_reversed and state in ('won and cancelled in the period', 'no_amount')
group by all;

-- sold: the deals won in the period, and how their amounts lead to new bookings, which are worth a year: won (the whole of
-- them) less one_off, held (renewals, at the price held before), later (what falls after a deal's first year) and reversed
-- (won earlier, cancelled now) is new_bookings.
create view sold as
with deal as (
  select booking.*, coalesce(amount, 0) as whole, coalesce(one_off_amount, 0) as once, coalesce(amount, 0) * coalesce(uplift, 0) as fresh,
    amount is null and one_off_amount is null as is_unpriced
  from booking join rules on fx = fx_mode where span = 'period' and state is distinct from 'won and cancelled in the period'
)
select period.label,
  case when count(*) filter (not is_reversed) > 0 and bool_and(is_unpriced) filter (not is_reversed) then null
    else coalesce(sum(whole + once) filter (not is_reversed), 0) end as won,
  coalesce(sum(once) filter (not is_reversed), 0) as one_off,
  coalesce(sum(whole - fresh) filter (not is_reversed), 0) as held,
  coalesce(sum(fresh) filter (not is_reversed), 0) - coalesce(cast(sum(acv) filter (not is_reversed) as double), 0) as later,
  coalesce(cast(-sum(acv) filter (is_reversed) as double), 0) as reversed,
  coalesce(cast(sum(acv) as double), 0) as new_bookings
from period left join deal on deal.label = period.label
group by period.label;

-- months_worth: the MRR at the end of each month of the period that is over, added up; null where none is.
create view months_worth as
with month as (
  select label, measured_on, cast(unnest(generate_series(date_trunc('month', starts_on), measured_on, interval 1 month)) as date) as first_day,
    starts_on, case when is_partial then greatest(starts_on, cast(date_trunc('month', known_day + 1) as date)) else ends_on end as over_on
  from period
),
ending as (
  select label, least(last_day(first_day), measured_on) as day from month where first_day + 14 >= starts_on and first_day + 14 < over_on
)
select ending.label, coalesce(cast(sum(cast(amount * rate as decimal(38, 9))) as double), 0) as worth
from ending
left join paid on paid.label = ending.label and start_on <= day and ends > day
left join rate on rate.currency = paid.currency and day between valid_from and valid_until
group by ending.label;
