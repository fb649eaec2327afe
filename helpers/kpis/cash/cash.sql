-- What pages print of these queries, in English, and say in the language of the pack:
-- message: Opening
-- message: Customers
-- message: Payroll
-- message: Vendors
-- message: Tax
-- message: Other
-- message: Transfer
-- message: Financing
-- message: account {name} does not begin with one opening balance; give it as its first movement, of the category opening
-- message: account {name} begins on {day} with a balance; give its movements from {since} on
-- message: no movement of cash in {months}; give one of 0 if there was none
-- message: transfers between accounts do not cancel: {amount} counts as earned or spent
-- message: no movement of cash after {day}

-- cash_line: each movement of cash that is known in a period, up to its last day, in the review's currency. An opening
-- balance and financing are in cash, and burn nothing (is_burn).
create table cash_line as
select label, movement_id, moved_on, account, category, category not in ('opening', 'financing') as is_burn,
  cast(amount * rate as decimal(38, 9)) as amount, cash_movements.currency, rate.rate is null as is_unrated
from period
join cash_movements on known_day between known_from and known_until and moved_on <= measured_on
left join rate on rate.currency = cash_movements.currency and measured_on between valid_from and valid_until;

-- cash_account: each account as the review knows it: when it opens, with how much, and its first movement.
create view cash_account as
select coalesce(account, '(none)') as account, count(*) filter (category = 'opening') as openings,
  min(moved_on) filter (category = 'opening') as opened_on, bool_or(amount <> 0) filter (category = 'opening') as is_filled,
  min(moved_on) as first_on
from period join rules on review_label = label
join cash_movements on known_day between known_from and known_until and moved_on <= measured_on
group by all;

-- cash_span: the days over which burn is told: of the period itself, and of the runway_months up to its last day; the first
-- day of all that is known of cash; and how many months the period has: whole ones, or else its days × 12 ÷ 365.
create table cash_span as
select period.label, starts_on, measured_on, cast(measured_on + 1 - to_months(cast(runway_months as integer)) as date) as since,
  (select min(first_on) from cash_account) as first_on,
  case when day(starts_on) = 1 and day(measured_on + 1) = 1 then datediff('month', starts_on, measured_on + 1)
    else (measured_on + 1 - starts_on) * 12 / 365 end as months
from period cross join rules;

-- cash_burn: the cash at the end of each period, and what was burned in it and over the runway_months to its end. Each is
-- null where what is known of cash begins later.
create table cash_burn as
select cash_span.label, first_on, months, since, starts_on,
  case when first_on <= measured_on then coalesce(cast(sum(amount) as double), 0) end as cash,
  case when first_on <= starts_on
    then coalesce(cast(-sum(amount) filter (is_burn and moved_on >= starts_on) as double), 0) end as burned,
  case when first_on <= since
    then coalesce(cast(-sum(amount) filter (is_burn and moved_on >= since) as double), 0) end as burned_of_late,
  count(movement_id) as movements, count(movement_id) filter (is_burn and moved_on >= starts_on) as burning,
  count(movement_id) filter (is_burn and moved_on >= since) as burning_of_late
from cash_span left join cash_line using (label)
group by cash_span.label, first_on, months, since, starts_on, measured_on;

-- cash (K26): cash at the end of each period, and the burn of a month of it.
create view cash as
select label, '' as segment_by, '' as segment, cash, burned / months as net_burn, burned, months, movements, burning,
  first_on, starts_on
from cash_burn;

-- cash_rows: each movement that cash is the sum of.
create view cash_rows as
from cash_line;

-- burn_multiple (K27): what was burned for each unit of ARR that was gained, net of what was lost.
create view burn_multiple as
select label, '' as segment_by, '' as segment, burned, cast(12 * net_new_mrr as double) as net_new_arr, n_net as n,
  case when burned > 0 and net_new_arr > 0 then burned / net_new_arr end as burn_multiple, first_on, starts_on
from cash_burn join mrr_movements using (label) where segment_by = '';

-- burn_multiple_rows: each movement that burned cash in the period, or earned it, and each account whose MRR moved.
create view burn_multiple_rows as
select label, movement_id, moved_on, category, -amount as burned, null as account_id, null as net_new_arr
from cash_line join period using (label) where is_burn and moved_on >= starts_on
union all
select label, null, null, null, null, account_id, 12 * net from mrr_movements_rows where net <> 0;

-- runway (K28): the months for which cash lasts, at the mean burn of the last runway_months.
create view runway as
select label, '' as segment_by, '' as segment, cash, burned_of_late / runway_months as burn_of_late, burning_of_late as n,
  case when burn_of_late > 0 then if(cash > 0, cash / burn_of_late, 0) end as runway, first_on, since
from cash_burn cross join rules;

-- runway_rows: each movement of the last runway_months that burned cash, or earned it.
create view runway_rows as
select cash_line.* from cash_line join cash_span using (label) where is_burn and moved_on >= since;

-- cash_notes: why cash is not told, or what it tells. Its movements must begin with what each account holds, and no month
-- may lack them: an export with a gap, or one account without another, would tell another company's burn.
create table cash_notes as
with month as (
  select label, measured_on, cast(unnest(generate_series(date_trunc('month', least(starts_on, since)), measured_on, interval 1 month)) as date) as day
  from cash_span
),
empty as (
  select month.label, day from month join cash_span using (label)
  left join cash_line on cash_line.label = month.label and date_trunc('month', moved_on) = day
  where day >= first_on and last_day(day) <= cash_span.measured_on
  group by all having count(movement_id) = 0
)
select label, 'refused' as kind, 'no rate for ' || string_agg(distinct coalesce(currency, 'an amount without a currency'), ', '
  order by coalesce(currency, 'an amount without a currency')) || '; add it to fx_rates' as text, null as rows, 0 as place
from cash_line where is_unrated group by label
union all
select label, 'refused', 'account ' || account || ' does not begin with one opening balance; give it as its first movement, '
  || 'of the category opening', null, 1
from period cross join cash_account where openings <> 1 or opened_on > first_on
union all
select label, 'refused', 'account ' || account || ' begins on ' || opened_on || ' with a balance; give its movements from '
  || (select min(first_on) from cash_account) || ' on', null, 2
from period cross join cash_account where is_filled and opened_on > (select min(first_on) from cash_account)
union all
select label, 'refused', 'no movement of cash in ' || string_agg(strftime(day, '%Y-%m'), ', ' order by day)
  || '; give one of 0 if there was none', null, 3
from empty group by label
union all
select label, 'warning', 'transfers between accounts do not cancel: ' || format('{:,.2f}', cast(sum(amount) as double))
  || ' counts as earned or spent', null, 4
from cash_line where category = 'transfer' group by label having abs(sum(amount)) >= 0.005
union all
select label, 'warning', 'no movement of cash after ' || max(moved_on), null, 5
from cash_line join cash_span using (label) group by label, measured_on having max(moved_on) < measured_on - 10;

-- burn_multiple_notes: the same, and what movements of MRR tell.
create view burn_multiple_notes as
from cash_notes union all by name from movement_notes;

-- movements_by_category: what moved cash in the period and in the one before it, by category.
create view movements_by_category as
with category as (
  select unnest(['opening', 'customers', 'payroll', 'vendors', 'tax', 'other', 'transfer', 'financing']) as category,
    unnest(range(1, 9)) as place
)
select period.label, category.category, place,
  coalesce(cast(sum(amount) filter (moved_on >= starts_on) as double), 0) as amount,
  coalesce(cast(sum(amount) filter (moved_on >= previous_starts_on and moved_on <= previous_measured_on) as double), 0) as before
from period cross join category
left join cash_line on cash_line.label = period.label and cash_line.category = category.category
group by all having count(movement_id) filter (moved_on >= least(starts_on, previous_starts_on)) > 0;
