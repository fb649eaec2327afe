-- What pages print of these queries, in English, and say in the language of the pack:
-- message: product type {name}
-- message: too new
-- message: onboarding, no value yet
-- message: yes
-- message: no
-- message: not asked: {reason}
-- message: no list
-- message: (no owner)
-- message: no users on record
-- message: no health signal
-- message: never active
-- message: no activity
-- message: {reason}; past renewal
-- message: window_days tells {types}, but not {name}; add the days for it under rules:

-- asked_day: the days on which it is asked who is silent: the last day of each period and the same weekday of the week
-- before; of the review's own period the last thirteen weeks. `week` counts them back from the period's last day.
create view asked_day as
select label, known_day, cast(week as integer) as week, measured_on - cast(7 * week as integer) as day
from period cross join rules cross join range(13) as weeks(week)
where week <= 1 or label = review_label;

-- list_day: the Sundays of the periods and of the 26 weeks before each, on which a call list could be looked at.
create view list_day as
select distinct day
from period
cross join lateral unnest(generate_series(starts_on - 182, measured_on, interval 1 day)) as days(moment)
cross join lateral (select cast(moment as date) as day)
where isodow(day) = 7;

-- look: every day on which somebody is looked for, with the last day that is known of: an asked day is looked at with what
-- its period knows, a list day with what was known on it.
create table look as
select known_day, day from asked_day union select day, day from list_day;

-- customer_then: the customers as known on each last day that is known of, with the account that pays for them.
create table customer_then as
select known_day, customer_id, nullif(segment, '') as segment, product_type, first_value_on,
  case when account_level = 'parent' then coalesce(parent_id, customer_id) else customer_id end as account_id
from (select distinct known_day from look) join customers on known_day between known_from and known_until cross join rules;

-- paid_then: the versions that count, as known on each of these days, each with its account.
create table paid_then as
select known_day, coalesce(account_id, paying.customer_id) as account_id, start_on, ends
from (select distinct known_day from look)
join paying on known_day between known_from and known_until
left join customer_then using (known_day, customer_id);

-- health_signal: the events, automated ones included, by which the customers of a product type are judged.
create view health_signal as
select entry.key as product_type, unnest(entry.value) as event
from (select unnest(map_entries(cast(health_signals as map(varchar, varchar[])))) as entry from rules);

-- sign_of_life: the last day, in the longest window that ends with a look, on which a customer did what it may be judged
-- by: activity (judged_by is null), or a health signal of the product type that judged_by names.
create table sign_of_life as
with looked_at as (
  select known_day, day, day - cast(age as integer) as active_on
  from look cross join rules
  cross join lateral range(coalesce(window_days, list_max(cast(map_values(window_days_by) as integer[])), 1)) as days(age)
),
found as (
  select known_day, day, customer_id, null as judged_by, max(active_on) as last_on
  from looked_at
  join customer_day using (active_on)
  where known_day between known_from and known_until
  group by all
  union all
  select known_day, day, customer_id, product_type, max(active_on)
  from looked_at join events using (active_on) join health_signal using (event)
  where known_day between known_from and known_until
  group by all
)
select known_day, day, coalesce(account_id, customer_id) as account_id, judged_by, max(last_on) as last_on
from found left join customer_then using (known_day, customer_id)
group by all;

-- payer: each account that pays on some day, with its product type, its first paid day and its first value, where that is
-- recorded.
create table payer as
with since as (select known_day, account_id, min(start_on) as since from paid_then group by all),
value as (
  select known_day, account_id, min(first_value_on) as first_value_on from customer_then group by all
)
select known_day, account_id, segment, since, first_value_on,
  coalesce(nullif(product_type, ''), 'interactive') as product_type
from since
left join (select known_day, customer_id as account_id, segment, product_type from customer_then)
  using (known_day, account_id)
left join value using (known_day, account_id);

-- silence_then: each account that pays on the day of a look, and whether it is active or silent on it, or why it is not
-- asked. Silent is who did nothing in the window_days that end with the day. Not asked are product types of which silence
-- says nothing, accounts that have not paid for the whole window yet, and those without value, where first value is
-- recorded.
create table silence_then as
with window_of as (
  select product_type, coalesce(window_days, cast(window_days_by[product_type] as integer)) as days,
    not list_contains(not_applicable, product_type) or is_signalled as is_asked, is_signalled
  from (select distinct product_type, product_type in (select product_type from health_signal) as is_signalled from payer)
  cross join rules
),
paying_then as (
  select known_day, day, account_id from look join paid_then using (known_day) where start_on <= day and ends > day group by all
)
select paying_then.known_day, paying_then.day, paying_then.account_id, payer.product_type, segment, last_on, case
    when not is_asked then 'product type ' || payer.product_type
    when since > paying_then.day + 1 - days then 'too new'
    when coalesce(first_value_on > paying_then.day, true) and 'customers.first_value_on' in (select what from provided)
      then 'onboarding, no value yet'
    when last_on >= paying_then.day + 1 - days then 'active'
    else 'silent' end as state,
  is_asked and days is null as has_no_window
from paying_then
join payer using (known_day, account_id)
join window_of on window_of.product_type = payer.product_type
left join sign_of_life on sign_of_life.known_day = paying_then.known_day and sign_of_life.day = paying_then.day
  and sign_of_life.account_id = paying_then.account_id
  and judged_by is not distinct from case when is_signalled then payer.product_type end;

-- silence: of each period the accounts that pay on its asked days, and whether they are silent; with their users on record,
-- where there are such records.
create table silence as
with people as (
  select known_day, coalesce(account_id, users.customer_id) as account_id, count(*) as users
  from (select distinct known_day from period)
  join users on known_day between known_from and known_until
  left join customer_then using (known_day, customer_id)
  group by all
)
select label, week, silence_then.* exclude (known_day),
  case when 'users' in (select what from provided) then coalesce(users, 0) end as users
from asked_day join silence_then using (known_day, day) left join people using (known_day, account_id);

-- inactive_customers_rows: each account that pays on the last day of the period, or did a week before, with its state on
-- both days (null where it does not pay); `last_on` is the last day, within the window, on which it did something.
create view inactive_customers_rows as
select label, account_id, segment, product_type, users, max(state) filter (week = 0) as state,
  max(state) filter (week = 1) as state_before, max(last_on) filter (week = 0) as last_on
from silence where week <= 1 group by all;

-- inactive_customers (K03): of the accounts that are asked those that are silent, and those that fell silent, or came back,
-- within a week; in all and by product type.
create view inactive_customers as
with longest as (
  select coalesce(window_days, list_max(cast(map_values(window_days_by) as integer[])), 1) as days from rules
),
counted as (
  select label, case when grouping(product_type) = 0 then 'product_type' else '' end as segment_by, product_type as segment,
    count(*) filter (state = 'silent') as inactive_customers, count(*) filter (state in ('silent', 'active')) as asked,
    count(*) filter (state = 'silent' and state_before = 'active') as newly_silent,
    count(*) filter (state = 'active' and state_before = 'silent') as returned,
    count(*) filter (state = 'silent' and users = 0) as without_users
  from period left join inactive_customers_rows using (label)
  group by grouping sets ((label), (label, product_type)) having grouping(product_type) = 1 or asked > 0
)
select label, segment_by, segment, inactive_customers, inactive_customers / nullif(asked, 0) as inactive_rate, newly_silent,
  returned, asked, without_users, first_on,
  measured_on + 1 - coalesce(cast(window_days_by[segment] as integer), days) as opens_on
from counted join period using (label) cross join rules cross join longest left join reach_of_use using (label)
where label not in (select label from feed_notes);

-- unasked: how many of the accounts that pay are not asked, by the reason; in all and by product type.
create view unasked as
select label, case when grouping(product_type) = 0 then 'product_type' else '' end as segment_by, product_type as segment,
  state as why, count(*) as customers
from inactive_customers_rows where state not in ('active', 'silent')
group by grouping sets ((label, state), (label, state, product_type));

-- window_notes: why a period is refused: the windows are given by product type, and one that is asked has none.
create view window_notes as
select label, week, 'refused' as kind, cast(null as bigint) as rows, 'window_days tells '
  || array_to_string(list_sort(map_keys(any_value(window_days_by))), ', ') || ', but not '
  || arg_min(product_type, account_id) || '; add the days for it under rules:' as text
from silence cross join rules where has_no_window group by label, week;

-- return_notes: the periods of which nobody is told to have fallen silent, or returned, within a week: a week before, the
-- feed of events had broken off, or not begun.
create view return_notes as
select label, text from period join feed_break using (known_day) where day = measured_on - 7;

-- silence_notes: what is told of each period besides its figures.
create view silence_notes as
from feed_notes
union all by name
select label, kind, min(text) as text, null as rows from window_notes
where week <= 1 and label not in (select label from feed_notes) group by label, kind
union all by name
select label, 'warning' as kind, text
from inactive_customers join period using (label) join feed_gap using (known_day)
where segment_by = '' and least(measured_on, silent_to) - greatest(opens_on, silent_from) >= 6;

-- money_at_risk_rows: each account that is silent on the last day of the period, with its MRR and the ARR of its lines that
-- are up for renewal in the 90, and in the 180, days after it.
create view money_at_risk_rows as
select label, account_id, mrr, coalesce(arr_due_90, 0) as arr_due_90, coalesce(arr_due_180, 0) as arr_due_180,
  coalesce(lines_90, 0) as lines_90, coalesce(lines_180, 0) as lines_180
from inactive_customers_rows
left join mrr_rows using (label, account_id)
left join (
  select label, account_id, sum(arr) filter (days_left <= 90) as arr_due_90, sum(arr) as arr_due_180,
    count(*) filter (days_left <= 90) as lines_90, count(*) as lines_180
  from coming_due group by all
) using (label, account_id)
where state = 'silent';

-- money_at_risk (K03, K24): what the silent accounts pay a month, that as a share of all MRR, and what of the ARR that
-- comes up for renewal next is theirs.
create view money_at_risk as
with silent as (
  select label, count(*) as customers, sum(mrr) as silent_mrr, sum(arr_due_90) as arr_90, sum(arr_due_180) as arr_180,
    sum(lines_90) as n_90, sum(lines_180) as n_180
  from money_at_risk_rows group by label
)
select label, coalesce(silent_mrr, 0) as silent_mrr, coalesce(silent_mrr, 0) / nullif(mrr, 0) as silent_mrr_share,
  coalesce(arr_90, 0) as arr_due_90_silent, coalesce(arr_180, 0) as arr_due_180_silent,
  coalesce(customers, 0) as customers, mrr, paying_customers, coalesce(n_90, 0) as n_90, coalesce(n_180, 0) as n_180
from mrr left join silent using (label) where segment_by = '';

-- list_made: the list days on which the feed of events that was known of was alive, and reached back to where the longest
-- window opens: on the others there was no list.
create table list_made as
select day
from list_day cross join rules join feed_reach on day between known_from and known_until
group by day
having max(last_on) >= day - any_value(feed_max_age_days) and min(first_on)
  <= day + 1 - any_value(coalesce(window_days, list_max(cast(map_values(window_days_by) as integer[])), 1));

-- on_list: each account lost in the period, or that stayed in the review's own; what it last paid (who stayed: at the start),
-- and on how many lists of the Sundays in the 26 weeks before `until` it stood, as known on them. first_on is the first Sunday
-- of the last of them without a break: a Sunday on which it did not pay is one. not_asked is why no list asked for it, where
-- none did.
create table on_list as
with looked_at as (
  select whose.label, whose.account_id, "group", case when "group" = 'Lost' then mrr_lost else mrr_at_start end as mrr, until,
    list_made.day, state, count(*) filter (state is distinct from 'silent') over (partition by whose.label, whose.account_id
      order by list_made.day) as breaks
  from (
    select lost_or_stayed.* from lost_or_stayed cross join rules where "group" = 'Lost' or label = review_label
  ) as whose
  left join list_made on list_made.day < until and list_made.day >= until - 182
  left join (from silence_then where known_day = day) as asked
    on asked.day = list_made.day and asked.account_id = whose.account_id
),
last_break as (
  select label, account_id, max(breaks) filter (state = 'silent') as breaks from looked_at group by all
)
select label, account_id, "group", any_value(mrr) as mrr, any_value(until) as until,
  count(*) filter (state = 'silent') as lists,
  cast(min(day) filter (state = 'silent' and looked_at.breaks = last_break.breaks) as date) as first_on,
  (any_value(until) - first_on) / 7 as weeks,
  case when count(*) filter (state in ('silent', 'active')) = 0 then coalesce(arg_max(state, day), 'no list') end as not_asked
from looked_at join last_break using (label, account_id)
group by all;

-- warning_rows: each account lost in the period, with what on_list tells.
create view warning_rows as
select * exclude ("group") from on_list where "group" = 'Lost';

-- warning (K03, K24): of the MRR lost in the period the share of accounts that had been on a call list before, and how many
-- weeks before, weighted by MRR; on how many of the Sundays there was a list.
create view warning as
with sunday as (
  select label, count(*) as sundays, count(list_made.day) as made
  from period join list_day on day between starts_on - 182 and measured_on left join list_made using (day)
  group by label
)
select label, coalesce(sum(mrr) filter (lists > 0), 0) as warned, coalesce(sum(mrr), 0) as lost,
  warned / nullif(lost, 0) as lost_mrr_warned, sum(mrr * weeks) / nullif(warned, 0) as warning_weeks,
  count(account_id) as n, count(*) filter (lists > 0) as n_warned,
  any_value(sundays) as sundays, any_value(made) as made
from period join sunday using (label) left join warning_rows using (label)
group by label;

-- unwarned: how many of the accounts lost in the period no call list asked for, by the reason.
create view unwarned as
select label, not_asked as why, count(*) as customers from warning_rows where not_asked is not null group by all;

-- stayed_on_list: of the accounts that stayed how many had been on a call list too.
create view stayed_on_list as
select label, count(*) as customers, count(*) filter (lists > 0) as listed
from on_list where "group" = 'Stayed' group by label;

-- warned: the accounts lost in the period as a reader knows them.
create view warned as
select label, account_id as customer_id, coalesce(customer, account_id) as customer, segment, owner, mrr, until,
  case when lists > 0 then 'yes' when not_asked is not null then 'not asked: ' || not_asked else 'no' end as on_list, lists,
  first_on, weeks
from warning_rows left join named_account using (label, account_id);

-- risk_notes, warning_notes: what is told of each period besides these figures.
create view risk_notes as
from silence_notes union all by name from stock_notes;

create view warning_notes as
from silence_notes union all by name from movement_notes;

-- renewal: when each account's next line comes up for renewal: the earliest of its lines in service on the last day of the
-- period, cancelled or not. A line comes up on the day that it tells, else where it ends, else, if its term is a year, on the
-- next anniversary of its first day.
create view renewal as
with line as (
  select period.label, measured_on, coalesce(account_id, version.customer_id) as account_id, start_on, served_until, renewal_on,
    "interval" = 'year' and interval_count = 1 or term = 12 as is_yearly,
    min(start_on) over (partition by period.label, subscription_id, line_id) as begun_on
  from period
  join version on known_day between known_from and known_until
  left join account on account.label = period.label and account.customer_id = version.customer_id
  where out is null and amount > 0 and served_until > start_on
),
anniversary as (
  select *, cast(begun_on + to_years(cast(year(measured_on) - year(begun_on) as integer)) as date) as this_year,
    cast(begun_on + to_years(cast(year(measured_on) - year(begun_on) + 1 as integer)) as date) as next_year
  from line where start_on <= measured_on and served_until > measured_on
)
select label, account_id, min(case
    when renewal_on is not null then renewal_on
    when served_until < date '9999-12-31' then served_until
    when is_yearly and this_year > measured_on then this_year
    when is_yearly then next_year end) as renewal_on
from anniversary group by all;

-- call_list (K04): each account that is silent on the last day of the period, with what one needs to know before the call:
-- the last day on which anybody did something, however long ago; users active in 28 days, and the most in such a time of a
-- year; in how many of seven weeks anybody was active; its tickets that are open.
create view call_list as
with silent as (
  select label, account_id, day, product_type, users, product_type in (select product_type from health_signal) as is_signalled
  from silence where week = 0 and state = 'silent'
),
whose as (
  select label, account_id, customer_id, is_signalled, product_type from silent join account using (label, account_id)
  union all
  select label, account_id, account_id, is_signalled, product_type
  from silent anti join account on account.label = silent.label and account.customer_id = silent.account_id
),
day as (
  select label, account_id, is_signalled, user_id, active_on, (measured_on - active_on) // 28 as block
  from whose join period using (label) join event_day using (customer_id)
  where is_activity and active_on <= measured_on and known_day between known_from and known_until
),
last_seen as (
  select label, account_id, max(active_on) as last_active_on
  from (
    select label, account_id, active_on from day where not is_signalled
    union all
    select label, account_id, active_on
    from whose join period using (label) join events using (customer_id) join health_signal using (product_type, event)
    where active_on <= measured_on and known_day between known_from and known_until
  ) group by all
),
by_block as (select label, account_id, block, count(distinct user_id) as users from day where block < 13 group by all),
people as (
  select label, account_id, max(users) filter (block = 0) as active_users, max(users) as peak_users from by_block group by all
),
weeks as (
  select label, account_id, count(distinct (last_on - active_on) // 7) as pac
  from reading join roster using (label, moment) join event_day using (user_id)
  where moment = 'now' and is_activity and active_on between last_on - 48 and last_on
    and known_day between known_from and known_until and coalesce(active_on >= event_day.created_on, true)
  group by all
),
opened as (
  select label, coalesce(account_id, tickets.customer_id) as account_id, count(*) as open_tickets
  from period
  join tickets on known_day between known_from and known_until
  left join account using (label, customer_id)
  where solved_at is null and not coalesce(is_spam, false) and merged_into is null
  group by all
)
select label, account_id as customer_id, coalesce(owner, '(no owner)') as owner, coalesce(customer, account_id) as customer,
  contact_email, mrr, arr_due_90, arr_due_180, last_active_on, day - last_active_on as days_silent,
  coalesce(active_users, 0) as active_users, coalesce(peak_users, 0) as peak_users, coalesce(pac, 0) as pac, renewal_on,
  renewal_on - day as days_to_renewal, coalesce(open_tickets, 0) as open_tickets,
  case when users = 0 then 'no users on record' when is_signalled then 'no health signal'
    when last_active_on is null then 'never active' else 'no activity' end
    || case when renewal_on < day then '; past renewal' else '' end as reason,
  sum(mrr) over (partition by label, owner) as at_stake,
  case when days_to_renewal <= 90 then 0 when days_to_renewal <= 180 then 1 when days_to_renewal > 180 then 2 else 3 end as turn
from silent
left join money_at_risk_rows using (label, account_id)
left join named_account using (label, account_id)
left join last_seen using (label, account_id)
left join people using (label, account_id)
left join weeks using (label, account_id)
left join renewal using (label, account_id)
left join opened using (label, account_id);

-- silence_by_owner: the colleagues who look after silent accounts: how many, what these pay, and the nearest renewal.
create view silence_by_owner as
select label, owner, count(*) as customers, sum(mrr) as mrr, min(days_to_renewal) as nearest from call_list group by all;

-- silence_by_week: the last twelve weeks of the review's own period: who is asked, who is silent, and who fell silent or
-- came back since the week before; nothing of weeks at whose end the feed of events had broken off.
create view silence_by_week as
with followed as (
  select label, week, day, state, lag(state) over weeks as state_before, lag(week) over weeks as week_before
  from silence window weeks as (partition by label, account_id order by week desc)
),
counted as (
  select label, week, count(*) filter (state = 'silent') as inactive, count(*) as asked,
    count(*) filter (state = 'silent' and state_before = 'active' and week_before = week + 1) as newly_silent,
    count(*) filter (state = 'active' and state_before = 'silent' and week_before = week + 1) as returned
  from followed where state in ('silent', 'active') group by all
)
select label, asked_day.day as week_to, case when now.day is null then coalesce(inactive, 0) end as inactive,
  coalesce(asked, 0) as asked, case when now.day is null then inactive / asked end as rate,
  case when now.day is null and before.day is null then coalesce(newly_silent, 0) end as newly_silent,
  case when now.day is null and before.day is null then coalesce(returned, 0) end as returned
from asked_day left join counted using (label, week)
left join feed_break as now using (known_day, day)
left join feed_break as before on before.known_day = asked_day.known_day and before.day = asked_day.day - 7
where week < 12;

-- not_asked: why paying customers are neither active nor silent on the last day of the period, and what they pay.
create view not_asked as
select silence.label, state as why, count(*) as customers, coalesce(sum(mrr), 0) as mrr
from silence left join customer_mrr using (label, account_id, day)
where week = 0 and state not in ('active', 'silent') group by all;
