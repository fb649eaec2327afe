-- known_deal: each deal of a period, as known then, with its local days, the account that it is made with, and its
-- source, (none) where none is told; and what it tells of its estimate and options. A deal without an outcome is open as
-- long as it is not closed; is_undecided are those that can be placed nowhere: closed without an outcome, or lost without a
-- closing day.
create table known_deal as
with deal as (
  select * exclude (outcome, source), coalesce(nullif(source, ''), '(none)') as source,
    case when closed_at is null then coalesce(outcome, 'open') else outcome end as outcome,
    local_day(created_at) as created_on, local_day(closed_at) as closed_on, local_day(cancelled_at) as cancelled_on,
    local_day(recorded_at) as recorded_on, local_day(estimate_requested_at) as requested_on
  from deals
)
select period.label, deal_id, deal.customer_id, coalesce(account_id, deal.customer_id) as account_id, owner, source,
  product, deal_type, term_months, currency, amount, one_off_amount, outcome, closed_at, created_on, closed_on,
  cancelled_on, recorded_on, requested_on, estimate_requested_at, estimate_sent_at, options_offered, option_chosen,
  default_option, outcome is null or (outcome = 'lost' and closed_on is null) as is_undecided
from period
join deal on known_day between known_from and known_until
left join account on account.label = period.label and account.customer_id = deal.customer_id;

-- booking_span: the days whose bookings a period tells beside each other: its own (`period`) and, for periods of the
-- review's own kind, those of the period before it (`previous`) and of a year ago (`year_ago`). Deals of a span count
-- if they were recorded by recorded_by: as long after its end as the period itself is known.
create table booking_span as
with compared as (
  select period.* from period cross join rules
  join period as review on review.label = review_label and review.kind = period.kind
)
select label, 'period' as span, label as of_label, starts_on, measured_on, known_day as recorded_by from period
union all
select label, 'previous', previous_label, previous_starts_on, previous_measured_on, previous_known_day
from compared where previous_label is not null
union all
select label, 'year_ago', year_ago_label, year_ago_starts_on, year_ago_measured_on, year_ago_known_day
from compared where year_ago_label is not null;

-- won_deal: each deal won by the end of a span, with what its booking comes from (kind): its deal_type, where a renewal
-- counts as upsell with what it adds; else derived in this order: no account is (none), the account's first deal a new
-- logo, a product that it holds for the first time a new product if that was launched at most 365 days before, else a
-- cross-sell, and whatever is left an upsell. A deal that is cancelled by the end of the span is so on the day of
-- winning at the earliest.
create table won_deal as
with won as (
  select label, deal_id, customer_id, account_id, owner, source, product, deal_type, term_months, currency, amount,
    one_off_amount, closed_at, closed_on, span, starts_on, measured_on,
    case when cancelled_on <= measured_on then greatest(cancelled_on, closed_on) end as cancelled_on
  from known_deal join booking_span using (label)
  where outcome = 'won' and closed_on <= measured_on and coalesce(recorded_on <= recorded_by, true)
),
first_one as (select label, span, account_id, min(closed_at) as first_at from won group by all),
first_of_product as (
  select label, span, account_id, product, min(closed_at) as product_at from won group by all
),
launch as (
  select label, product, launched_on from period join products on known_day between known_from and known_until
)
select won.*, case
    when deal_type = 'renewal' then 'upsell'
    when deal_type is not null then deal_type
    when account_id is null then '(none)'
    when closed_at = first_at then 'new_logo'
    when closed_at = product_at and closed_on - launched_on <= 365 then 'new_product'
    when closed_at = product_at then 'cross_sell'
    else 'upsell' end as kind
from won
left join first_one using (label, span, account_id)
left join first_of_product using (label, span, account_id, product)
left join launch using (label, product);

-- booking_rates: the exchange rates at which bookings are told: the fixed ones, at which periods are compared, and
-- those of the review's own way (fx_mode).
create view booking_rates as
select 'fixed' as fx union select fx_mode from rules;

-- booking: each deal won in a span, and each one won before it that was cancelled in it (is_reversed), with its amounts
-- in the review's currency, at the fixed rates and, if the review counts so (fx_mode), at those of the span's last day.
-- uplift is the part of the amount that is new: all of it, or of a renewal what exceeds the price a month held before.
-- state says why a deal books nothing, null where it does. acv and tcv are what it books, a year's worth and the whole
-- of its term, negative where it is taken off. A deal without a term is taken as annual, a shorter one never multiplied
-- up.
create table booking as
with asked as (
  select distinct label, span, account_id, product from won_deal where closed_on >= starts_on or cancelled_on >= starts_on
),
-- Deals of other accounts and products than those book nothing.
priced as (
  select won_deal.* exclude (amount, one_off_amount), booking_rates.fx,
    amount * rate as amount, one_off_amount * rate as one_off_amount,
    coalesce(amount, one_off_amount) is not null and rate is null as is_unrated,
    amount * rate / coalesce(nullif(term_months, 0), 12) as price,
    rate is null or coalesce(amount, one_off_amount) is null as is_unpriced
  from won_deal
  cross join booking_rates
  left join exchange_rate on exchange_rate.fx = booking_rates.fx and exchange_rate.currency = won_deal.currency
    and measured_on between valid_from and valid_until
  semi join asked on asked.label = won_deal.label and asked.span = won_deal.span
    and asked.account_id is not distinct from won_deal.account_id and asked.product is not distinct from won_deal.product
),
-- Deals before a renewal count for the same account and product, in the order of winning.
placed as (
  select *, row_number() over earlier as place, count(*) filter (deal_type = 'renewal') over earlier as renewals
  from priced window earlier as (partition by label, span, fx, account_id, product order by closed_at, deal_id)
),
-- Held before is what deals came to since the last renewal, that one included, or the largest one still in force if
-- that is more: renewing one of two contracts is no uplift, and a price that was given up years ago is not held. A price
-- is held as long as one and a half of its terms reach, since contracts are renewed late, and no longer than to the day
-- of its cancellation. What a deal without an amount came to is not known.
held as (
  select renewal.label, renewal.span, renewal.fx, renewal.deal_id,
    case when not bool_or(earlier.is_unpriced and since_last)
      then greatest(max(earlier.price) filter (days <= coalesce(earlier.term_months, 12) * 1.5 * 365 / 12),
        sum(earlier.price) filter (since_last)) end as held
  from placed as renewal
  join placed as earlier on earlier.label = renewal.label and earlier.span = renewal.span and earlier.fx = renewal.fx
    and earlier.account_id = renewal.account_id and earlier.product is not distinct from renewal.product
    and earlier.place < renewal.place and coalesce(earlier.cancelled_on >= renewal.closed_on, true)
  cross join lateral (
    select earlier.renewals = renewal.renewals - 1 as since_last, renewal.closed_on - earlier.closed_on as days
  )
  where renewal.deal_type = 'renewal'
  group by all
),
judged as (
  select *, closed_on < starts_on as is_reversed,
    case when deal_type is distinct from 'renewal' then 1
         when held is null then null
         when price > held * (1 + 1e-9) then 1 - held / price
         else 0 end as uplift,
    case when term_months >= 12 then amount * 12 / term_months else amount end as a_year
  from placed left join held using (label, span, fx, deal_id)
  where closed_on >= starts_on or cancelled_on >= starts_on
),
stated as (
  select *, case
      when cancelled_on is not null and not is_reversed then 'won and cancelled in the period'
      when amount is null and one_off_amount is not null then 'one-off amount only'
      when amount is null then 'no_amount'
      when uplift is null then 'renewal without an earlier amount'
      when uplift = 0 then 'renewal at the same price or less' end as state,
    case when state is not null then 0 when is_reversed then -uplift else uplift end as counted
  from judged
)
select label, span, fx, deal_id, customer_id, account_id, owner, source, product, deal_type, kind, closed_on,
  cancelled_on, is_reversed, term_months, currency, is_unrated, amount, one_off_amount, uplift, state,
  cast(coalesce(counted * a_year, 0) as decimal(38, 9)) as acv,
  cast(coalesce(counted * amount, 0) as decimal(38, 9)) as tcv
from stated;
