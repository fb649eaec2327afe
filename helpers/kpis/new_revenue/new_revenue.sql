-- What pages print of these queries, in English, and say in the language of the pack:
-- message: deals won without an amount, which add nothing: {n}
-- message: deals without a deal_type, whose source is derived from what was won before: {n}
-- message: deals without a customer, and so without a source: {n}
-- message: deals without a term, taken as annual: {n}
-- message: renewals at the same price or less, which add nothing: {n}
-- message: deals won earlier and cancelled now, which are taken off: {n}
-- message: deals counted as cross-sell that may be new products (products.launched_on is missing): {n}
-- message: renewal without an earlier amount
-- message: new logo
-- message: upsell
-- message: cross sell
-- message: new product

-- new_revenue (K14): what was newly booked in each period, and by what it comes from; `sales` are the deals that add to
-- it.
create view new_revenue as
select label, '' as segment_by, '' as segment, 0 as place, amount as new_revenue, sales
from booked_total join rules on fx = fx_mode where span = 'period'
union all
select label, 'source', source, place, amount, sales
from booked join rules on fx = fx_mode where span = 'period';

-- new_revenue_rows: each deal won in the period, and each one won before it that was cancelled in it, with what it
-- adds.
create view new_revenue_rows as
from booked_deal;

-- revenue_growth (K15): how the new bookings of each period compare with those of the period before it, and of a year
-- ago, all at the fixed exchange rates.
create view revenue_growth as
with total as (select * from booked_total where fx = 'fixed')
select period.label, '' as segment_by, '' as segment,
  now.amount - coalesce(previous.amount, 0) as change_on_previous, previous.amount as previous,
  now.amount - coalesce(year_ago.amount, 0) as change_on_year_ago, year_ago.amount as year_ago,
  case when previous.amount > 0 then change_on_previous / previous.amount end as revenue_growth,
  case when year_ago.amount > 0 then change_on_year_ago / year_ago.amount end as revenue_growth_yoy,
  previous_label, previous_starts_on, year_ago_label, year_ago_starts_on, first_day
from period
join total as now on now.label = period.label and now.span = 'period'
left join total as previous on previous.label = period.label and previous.span = 'previous'
left join total as year_ago on year_ago.label = period.label and year_ago.span = 'year_ago'
left join booked_from on booked_from.label = period.label;

-- revenue_growth_rows: each deal that adds to the new bookings of the period, or takes from them, and of those that it
-- is compared with.
create view revenue_growth_rows as
select label, span, deal_id, customer_id, product, closed_on, cancelled_on, deal_type, kind as source, term_months,
  amount, uplift, state, case basis when 'tcv' then tcv else acv end as new_revenue
from booking cross join rules
where fx = 'fixed';

-- booked: the new bookings of each span by what they come from, at each kind of exchange rates, with the number of
-- sales. Every source is named, (none) only where a deal without a customer has none. A source whose deals all lack an
-- amount has no value: their money is not 0, it is not known.
create table booked as
with source as (
  select unnest(['new_logo', 'upsell', 'cross_sell', 'new_product', '(none)']) as source, unnest(range(1, 6)) as place
),
counted as (
  select label, span, fx, kind as source, count(*) filter (state is null and not is_reversed) as sales,
    case when count(*) filter (state = 'no_amount') = 0 or count(*) filter (state is null) > 0
      then sum(case basis when 'tcv' then tcv else acv end) end as amount
  from booking cross join rules
  group by all
)
select booking_span.label, span, fx, source, place, coalesce(sales, 0) as sales,
  case when counted.label is null then 0 else amount end as amount
from booking_span cross join booking_rates cross join source
left join counted using (label, span, fx, source)
where source <> '(none)' or counted.label is not null;

-- booked_total: the new bookings of each span in all; not known where deals were won and none has an amount.
create view booked_total as
select label, span, fx, sum(sales) as sales,
  case when sum(sales) > 0 or bool_or(amount <> 0) or bool_and(amount is not null)
    then coalesce(sum(amount), 0) end as amount
from booked group by all;

-- bookings_by_source: the new bookings of the period beside those of the period before it, by what they come from and
-- in all (place 9).
create view bookings_by_source as
with beside as (
  select label, span, source, place, sales, cast(amount as double) as amount from booked join rules on fx = fx_mode
  union all
  select label, span, 'all', 9, sales, amount from booked_total join rules on fx = fx_mode
)
select label, source, place, coalesce(any_value(sales) filter (span = 'period'), 0) as sales,
  case when bool_or(span = 'period') then any_value(amount) filter (span = 'period') else 0 end as amount,
  coalesce(any_value(sales) filter (span = 'previous'), 0) as sales_before,
  case when bool_or(span = 'previous') then any_value(amount) filter (span = 'previous') else 0 end as before
from beside where span in ('period', 'previous') group by label, source, place;

-- booked_deal: each deal won in the period, and each one won before it that was cancelled in it, with the name of its
-- customer and what it adds.
create view booked_deal as
select booking.label, deal_id, customer_id, customer as name, product, closed_on, cancelled_on, deal_type, kind,
  term_months, amount, one_off_amount, uplift, state, is_reversed,
  cast(case basis when 'tcv' then tcv else acv end as double) as new_revenue
from booking join rules on fx = fx_mode
left join named_account on named_account.label = booking.label and named_account.account_id = customer_id
where span = 'period';

-- booked_from: the first day on which bookings could be known: that of the first deal.
create table booked_from as
select label, min(created_on) as first_day from known_deal group by label;

-- unrated_deal: the spans in which a deal counts in a currency that has no rate, and why they are refused.
create table unrated_deal as
select label, span, fx,
  'no rate for ' || string_agg(distinct currency, ', ' order by currency) || '; add it to fx_rates' as reason
from (
  select * replace (coalesce(currency, 'an amount without a currency') as currency) from booking where is_unrated
)
group by all;

-- unrated_booking: the spans whose bookings are refused, and why.
create view unrated_booking as
from unrated_deal;

-- booking_notes: the deals that book nothing, and how the others were read.
create table booking_notes as
with own as (
  select booking.*, state is null and not is_reversed as is_sale, deal_type is null as is_derived
  from booking join rules on fx = fx_mode where span = 'period'
),
told(place, text, label, rows) as (
  select 1, 'deals won without an amount, which add nothing', label, count(*)
  from own where state = 'no_amount' group by label
  union all
  select 2, 'deals without a deal_type, whose source is derived from what was won before', label, count(*)
  from own where is_sale and is_derived group by label
  union all
  select 3, 'deals without a customer, and so without a source', label, count(*)
  from own where is_sale and kind = '(none)' group by label
  union all
  select 4, 'deals without a term, taken as annual', label, count(*)
  from own cross join rules where is_sale and own.term_months is null and basis = 'acv' group by label
  union all
  select 5, 'renewals at the same price or less, which add nothing', label, count(*)
  from own where state = 'renewal at the same price or less' group by label
  union all
  select 6, 'deals won earlier and cancelled now, which are taken off', label, count(*)
  from own where is_reversed and state is null group by label
  union all
  select 7, 'deals counted as cross-sell that may be new products (products.launched_on is missing)', label, count(*)
  from own where is_sale and is_derived and kind = 'cross_sell'
    and 'products.launched_on' not in (select what from provided)
  group by label
)
select label, 'warning' as kind, text || ': ' || rows as text, null as rows, place from told
union all
select label, 'left out', state, count(*), 0 from own
where state in ('no_amount', 'won and cancelled in the period', 'renewal without an earlier amount')
group by label, state;

-- new_revenue_notes: what new bookings tell, and why a period is refused.
create view new_revenue_notes as
from booking_notes
union all
select label, 'refused', reason, null, 0 from unrated_booking join rules on fx = fx_mode where span = 'period';

-- revenue_growth_notes: what growth tells, and why all of a period's is refused: its own bookings are.
create view revenue_growth_notes as
from booking_notes where kind = 'left out'
union all
select label, 'refused', reason, null, 0 from unrated_booking where fx = 'fixed' and span = 'period';
