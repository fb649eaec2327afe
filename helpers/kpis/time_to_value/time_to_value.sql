-- What pages print of these queries, in English, and say in the language of the pack:
-- message: customers: not paying
-- message: customers: no day on which the clock starts
-- message: customers: value before the clock starts
-- message: contract
-- message: it_access
-- message: connectors
-- message: training
-- message: accounting_ops
-- message: other

-- clock: each account's clock in each period: the day it starts, the day of first value, the first day without service
-- after it started to pay (left_on, as far as it is known), the first paid day, and whether it pays at all. Service that
-- ended before the clock started does not count, and a gap that the rules bridge is none.
create table clock as
with start as (
  select account.label, account_id, min(coalesce(ttv_start_on, signed_up_on)) as start_on,
    min(first_value_on) as first_value_on, min(first_paid_on) as first_paid_on
  from account
  join period on period.label = account.label
  join customers on customers.customer_id = account.customer_id and known_day between known_from and known_until
  group by all
),
sign_of_value as (
  select customer_id, min(active_on) as day, known_from, known_until
  from events cross join rules where list_contains(value_events, event) group by all
  union all
  select customer_id, started_on, known_from, known_until from milestones where stage = 'value'
),
seen as (
  select period.label, coalesce(account_id, sign_of_value.customer_id) as account_id, min(day) as seen_on
  from period
  join sign_of_value on known_day between known_from and known_until and day <= known_day
  left join account on account.label = period.label and account.customer_id = sign_of_value.customer_id
  group by all
),
service as (
  select paid.label, paid.account_id, paid.start_on as from_on, ends,
    max(ends) over (partition by paid.label, paid.account_id order by paid.start_on, ends
      rows between unbounded preceding and 1 preceding) as covered_to
  from paid join start on start.label = paid.label and start.account_id = paid.account_id
  where coalesce(ends > start.start_on, true)
),
served as (
  select label, account_id, min(from_on) as since,
    coalesce(min(covered_to) filter (from_on - covered_to > greatest((select grace_days from rules), 1)), max(ends)) as until
  from service group by all
  union all
  select label, account_id, first_paid_on, null from start
  where not exists (from provided where what = 'subscriptions')
    and (first_paid_on is not null or not exists (from provided where what = 'customers.first_paid_on'))
)
select start.label, start.account_id, start_on, coalesce(first_value_on, seen_on) as value_on,
  case when until <= known_day then until end as left_on, coalesce(since, first_paid_on) as paid_on,
  served.account_id is not null as pays
from start
join period on period.label = start.label
left join seen on seen.label = start.label and seen.account_id = start.account_id
left join served on served.label = start.label and served.account_id = start.account_id;

-- cohort_days: the days on which the customers of a cohort signed or, by value_quarter, reached value: those of the period
-- (this) and of as many quarters before (earlier), for the cohort of the review and for the four quarters.
create view cohort_days as
select label, 'trailing_year' as chosen_by, 'this' as part, four_starts_on as first_day, measured_on as last_day, four_label as words
from period where kind = 'quarter'
union all
select label, 'trailing_year', 'earlier', four_before_starts_on, four_starts_on - 1, four_before_label
from period where kind = 'quarter' and four_before_starts_on is not null
union all
select label, ttv_cohort, 'this', starts_on, measured_on, label from period cross join rules
where ttv_cohort <> 'trailing_year'
union all
select label, ttv_cohort, 'earlier', previous_starts_on, starts_on - 1, previous_label from period cross join rules
where ttv_cohort <> 'trailing_year' and previous_label is not null;

-- onboarding: the accounts of each cohort, and why one does not count (left_out). `days` lead to first value, or to the
-- last day on which value was looked for; `cause` is 1 where value was reached, 2 where the account left before, else 0.
create table onboarding as
select label, chosen_by, part, account_id, start_on, value_on, left_on, paid_on,
  case when not pays then 'not paying'
       when start_on is null then 'no day on which the clock starts'
       when value_on < start_on then 'value before the clock starts' end as left_out,
  coalesce(value_on, left_on - 1, known_day) - start_on as days,
  case when value_on is not null then 1 when left_on is not null then 2 else 0 end as cause
from cohort_days join clock using (label) join period using (label)
where case chosen_by when 'value_quarter' then value_on else start_on end between first_day and last_day or start_on is null;

-- ttv_rows: the customers of the period's cohort, the earliest first.
create view ttv_rows as
select label, account_id, start_on, value_on, left_on, paid_on, days, cause
from onboarding join rules on chosen_by = ttv_cohort
where part = 'this' and left_out is null;

-- ttv (K01): how many customers are in the cohort, how many of them reached value and in how many days on average
-- (ttv_mean), and how many left before. The median and the restricted mean are by Kaplan-Meier over days and cause.
create view ttv as
select label, '' as segment_by, '' as segment, first_day, last_day, words, start_clock, rmst_days,
  count(account_id) as n, count(account_id) filter (cause = 1) as reached, count(account_id) filter (cause = 2) as gone,
  coalesce(sum(days) filter (cause = 1), 0) as days_of_reached,
  sum(days) filter (cause = 1) / nullif(count(account_id) filter (cause = 1), 0) as ttv_mean,
  count(account_id) filter (cause = 1) / nullif(count(account_id), 0) as ttv_reached_share
from cohort_days join rules on chosen_by = ttv_cohort left join ttv_rows using (label)
where part = 'this'
group by all;

-- ttv_notes: who of the cohort's days was left out, and why.
create view ttv_notes as
select label, 'left out' as kind, 'customers: ' || left_out as text, count(*) as rows
from onboarding join rules on chosen_by = ttv_cohort
where part = 'this' and left_out is not null group by all;

-- value_is_told: the periods in which a milestone says what first value is.
create view value_is_told as
select distinct label from period join milestones on known_day between known_from and known_until where stage = 'value';

-- first_event: the first day of any event that is known.
create view first_event as
select label, min(day) as day
from period join (select known_from, known_until, min(active_on) as day from events group by all)
  on known_day between known_from and known_until
group by label;

-- milestone: each interval of a stage of an account's onboarding. Where `kind` is not told, it is what the stage is known
-- for: contract, IT access, connectors and scheduling wait, training and accounting work.
create view milestone as
select period.label, coalesce(account_id, milestones.customer_id) as account_id, stage, started_on, ended_on, waiting_on,
  coalesce(milestones.kind, case regexp_replace(lower(stage), '[^a-z0-9]+', '_', 'g')
    when 'contract' then 'waiting' when 'it_access' then 'waiting' when 'connectors' then 'waiting'
    when 'training_scheduling' then 'waiting' when 'training_delivery' then 'working' when 'training' then 'working'
    when 'accounting_ops' then 'working' end) as work
from period
join milestones on known_day between known_from and known_until
left join account on account.label = period.label and account.customer_id = milestones.customer_id;

-- stage_days: of each account that reached value, the days from signing to value by stage. Each day is shared out among
-- the stages open on it, in parts that add up exactly; days of no stage are `unattributed`. `working` and `waiting` are
-- days of these, the waiting ones also by whom is waited for; open_days are not shared out; `before` are the days before
-- the clock started, which are in no sum. A stage that stands in several rows on a day is one: it is worked on if any of
-- them is, else waited for us rather than for the customer, and for the customer rather than for a third party.
create table stage_days as
with reached as (
  select distinct label, account_id, start_on, value_on, days from onboarding where cause = 1 and left_out is null
),
opened as (
  select label, account_id, stage, work, waiting_on,
    unnest(range(started_on - start_on, least(coalesce(ended_on, value_on), value_on) - start_on)) as day
  from reached join milestone using (label, account_id)
),
daily as (
  select label, account_id, stage, day, coalesce(bool_or(work = 'working'), false) as is_work,
    coalesce(bool_or(work = 'waiting'), false) as is_wait,
    min(case waiting_on when 'us' then 0 when 'customer' then 1 when 'third_party' then 2 else 3 end)
      filter (work = 'waiting') as waits_on
  from opened group by all
),
shared as (
  select *, cast(232792560 / count(*) over (partition by label, account_id, day) as decimal(38, 9)) as part from daily
),
summed as (
  select label, account_id, stage,
    cast(sum(part) filter (day >= 0) as double) / 232792560 as days,
    cast(sum(part) filter (day >= 0 and is_work) as double) / 232792560 as working,
    cast(sum(part) filter (day >= 0 and is_wait and not is_work) as double) / 232792560 as waiting,
    cast(sum(part) filter (day >= 0 and is_wait and not is_work and waits_on = 0) as double) / 232792560 as us,
    cast(sum(part) filter (day >= 0 and is_wait and not is_work and waits_on = 1) as double) / 232792560 as customer,
    cast(sum(part) filter (day >= 0 and is_wait and not is_work and waits_on = 2) as double) / 232792560 as third_party,
    count(*) filter (day >= 0) as open_days, count(*) filter (day < 0) as before
  from shared group by all
),
left_over as (
  select reached.label, reached.account_id, 'unattributed' as stage,
    round(any_value(reached.days) - coalesce(sum(summed.days), 0), 9) as days
  from reached left join summed on summed.label = reached.label and summed.account_id = reached.account_id
  group by all
)
select label, account_id, stage, coalesce(days, 0) as days, coalesce(working, 0) as working, coalesce(waiting, 0) as waiting,
  coalesce(us, 0) as us, coalesce(customer, 0) as customer, coalesce(third_party, 0) as third_party,
  coalesce(open_days, 0) as open_days, coalesce(before, 0) as before
from (from summed union all by name select *, days as open_days from left_over where days <> 0);

-- ttv_stages_rows: each customer of the cohort that reached value, by stage.
create view ttv_stages_rows as
select stage_days.*, ttv_rows.start_on, ttv_rows.value_on
from ttv_rows join stage_days using (label, account_id) where cause = 1;

-- ttv_stages (K02): the days that each stage adds to the mean time to value: those of all customers that reached value,
-- over all of them.
create view ttv_stages as
select label, 'stage' as segment_by, stage as segment, first_day, last_day, sum(ttv_stages_rows.days) as days, reached as n,
  sum(ttv_stages_rows.days) / nullif(reached, 0) as ttv_stage_days, sum(working) as working, sum(waiting) as waiting
from ttv join ttv_stages_rows using (label)
group by label, stage, first_day, last_day, reached;

-- paid_before_value: each customer of the cohort that reached value and has a first paid day: the days from then to value,
-- and its MRR on that day.
create view paid_before_value as
with worth as (
  select ttv_rows.label, account_id, sum(amount * rate) as mrr,
    min(coalesce(paid.currency, 'an amount without a currency')) filter (rate.rate is null) as unrated
  from ttv_rows
  join period on period.label = ttv_rows.label
  join paid using (account_id)
  left join rate on rate.currency = paid.currency and measured_on between valid_from and valid_until
  where paid.label = ttv_rows.label and paid.start_on <= paid_on and ends > paid_on
  group by all
)
select ttv_rows.label, account_id, paid_on, value_on, value_on - paid_on as waited, mrr, unrated,
  greatest(value_on - paid_on, 0) * mrr * 12 / 365 as money
from ttv_rows left join worth using (label, account_id)
where cause = 1 and paid_on is not null;

-- ttv_paid (K02): the days that customers paid for before they had value (ttv_paid_days_without_value), and what these
-- days cost them (ttv_paid_without_value): days × MRR × 12 ÷ 365.
create view ttv_paid as
select label, '' as segment_by, '' as segment, first_day, last_day, reached, count(account_id) as n,
  coalesce(sum(greatest(waited, 0)), 0) as days, sum(greatest(waited, 0)) / nullif(count(account_id), 0) as ttv_paid_days_without_value,
  sum(money) as ttv_paid_without_value, count(money) as n_money, count(account_id) filter (waited < 0) as early,
  string_agg(distinct unrated, ', ') as unrated
from ttv left join paid_before_value using (label)
group by all;

-- ttv_paid_days_without_value, ttv_paid_without_value: each of them.
create view ttv_paid_days_without_value as
from ttv_paid;

create view ttv_paid_without_value as
from ttv_paid;

-- open_stage: the stages that are open on the last known day, by account: since when, and who is waited for.
create view open_stage as
select label, account_id, stage, min(started_on) as since, min(work) as work, min(waiting_on) as waiting_on
from milestone join period using (label)
where started_on <= known_day and ended_on is null
group by label, account_id, stage;

-- stretch: each stretch of a stage of the customers that reached value, cut off at value, in days after the clock started.
create view stretch as
select label, account_id, stage, work as kind, started_on - start_on as from_day,
  least(coalesce(ended_on, value_on), value_on) - start_on as to_day
from ttv_rows join milestone using (label, account_id)
where cause = 1 and to_day > from_day;
