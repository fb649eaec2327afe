-- What pages print of these queries, in English, and say in the language of the pack:
-- message: no event is known by {day}; without any, every customer would look silent
-- message: the event feed ends on {last}, {n} days before {day} (at most {max} are allowed: feed_max_age_days); mend the feed, it is not the customers
-- message: no event of anybody is known from {day} to {last}; a feed that broke off looks like users who fell silent

-- event_day: what each user did on each day, event by event. is_activity tells whether that counts as activity: one of
-- activity_events, or with none named whatever is not a log-in; what the software does by itself never is. Log-ins are
-- recognised without regard to case and separators.
create view event_day as
select events.*,
  not is_automated and case
    when len(activity_events) > 0 then list_contains(activity_events, event)
    else not regexp_full_match(regexp_replace(lower(event), '[^a-z0-9]+', '_', 'g'),
      '(user_)?(log|logged|sign|signed)_?(in|on)(_(success|successful|succeeded|failed))?') end as is_activity
from events cross join rules;

-- like_log_in: the events that count as activity, with none named, though their names speak of log-ins, log-outs or
-- sessions, and how many there are.
create view like_log_in as
select event, sum(events) as events from event_day
where is_activity and known_until = date '9999-12-31' and len((select any_value(activity_events) from rules)) = 0
group by event
having regexp_matches(regexp_replace(lower(event), '[^a-z0-9]+', '_', 'g'),
  '(^|_)((log|logged|sign|signed)_?(in|on|out|off)|sessions?|auth\w*|sso)(_|$)');

-- customer_day: each day on which anybody of a customer was active. One row per span of days in which that is known.
create table customer_day as
select distinct customer_id, active_on, known_from, known_until from event_day where is_activity;

-- feed_reach: the first and the last day of the events that are known in a span of days; of these spans only those that
-- reach further than what is known by then and for good.
create table feed_reach as
select known_from, known_until, min(active_on) as first_on, max(active_on) as last_on
from events group by known_from, known_until
window earlier as (order by known_from, known_until desc rows between unbounded preceding and 1 preceding)
qualify coalesce(first_on < min(first_on) filter (known_until = date '9999-12-31') over earlier
  or last_on > max(last_on) filter (known_until = date '9999-12-31') over earlier, true);

-- reach_of_use: the first and the last day of any event that is known in each period.
create table reach_of_use as
select label, min(first_on) as first_on, max(last_on) as last_on
from period join feed_reach on known_day between known_from and known_until
group by label;

-- feed_day: each day with an event of anybody, as known on the last day that is known of in each period and in that before it.
create table feed_day as
select distinct known_day, active_on
from (select known_day from period union select previous_known_day from period) as knowledge(known_day)
join (select distinct active_on, known_from, known_until from events) on known_day between known_from and known_until;

-- feed_break: the days on which it is asked who is silent, and the last day of the period before (or the last Sunday by then), by
-- which no event of anybody is known that was shortly before. A feed of events that broke off looks like customers that fell
-- silent, and one that is back like customers that returned.
create table feed_break as
with asked as (
  select known_day, day from asked_day
  union
  select previous_known_day, unnest([before, before - cast(isodow(before) % 7 as integer)])
  from (select previous_known_day, cast(previous_measured_on as date) as before from period) where before is not null
),
reached as (
  select known_day, day, max(active_on) filter (active_on <= day) as last_on
  from asked left join feed_day using (known_day)
  group by all
)
select known_day, day, case
    when last_on is null then 'no event is known by ' || day || '; without any, every customer would look silent'
    else 'the event feed ends on ' || last_on || ', ' || (day - last_on) || ' days before ' || day
      || ' (at most ' || feed_max_age_days || ' are allowed: feed_max_age_days); mend the feed, it is not the customers'
    end as text
from reached cross join rules
where last_on is null or day - last_on > feed_max_age_days;

-- feed_notes: the periods of which no figure of use is told.
create view feed_notes as
select label, 'refused' as kind, cast(null as bigint) as rows, text
from period join feed_break using (known_day) where day = measured_on;

-- feed_gap: the days between two with events on which none of anybody is known, where they are a week or more.
create table feed_gap as
with run as (
  select known_day, active_on + 1 as silent_from,
    lead(active_on) over (partition by known_day order by active_on) - 1 as silent_to
  from feed_day
)
select known_day, silent_from, silent_to, 'no event of anybody is known from ' || silent_from || ' to ' || silent_to
  || '; a feed that broke off looks like users who fell silent' as text
from run where silent_to - silent_from >= 6;

-- reading: the days on which activity is read in each period of the review's own kind. paid_on is the day on which customers
-- pay, last_on the last day of what is looked at. The moment is `close`, the period's last day; `now`, where blocks of days
-- end with the period (or, by week_mode, with its last Sunday); or `before`, the same of the period before, as known then.
create view reading as
with own as (
  select period.* from period semi join (select kind from period join rules on label = review_label) as review using (kind)
)
select label, known_day, 'close' as moment, measured_on as paid_on, measured_on as last_on from own
union all
select label, known_day, moment, paid_on,
  paid_on - case week_mode when 'iso' then cast(isodow(paid_on) % 7 as integer) else 0 end
from (
  select label, known_day, 'now' as moment, measured_on as paid_on from own
  union all
  select label, previous_known_day, 'before', previous_measured_on from own where previous_measured_on is not null
) cross join rules;

-- paying_account: the accounts that pay on the day of each reading.
create table paying_account as
select label, moment, coalesce(account_id, paying.customer_id) as account_id, segment
from reading
join paying on start_on <= paid_on and ends > paid_on and known_day between known_from and known_until
left join account using (label, customer_id)
group by all;

-- roster: the users, active or not, of the accounts that pay on the day of a reading, as of its last day: who was created
-- later is not there yet, who was deactivated is gone. Without a table of users they are those seen in events, created when
-- they were first seen: users who never did anything are then missing.
create table roster as
with seen as (
  from events where customer_id is not null and not exists (from provided where what = 'users')
),
person as (
  select label, moment, user_id, customer_id, persona, created_on
  from reading
  join users on known_day between known_from and known_until
    and coalesce(created_on <= last_on, true) and coalesce(deactivated_on > last_on, true)
  union all
  select label, moment, user_id, arg_max(customer_id, active_on), null, min(active_on)
  from reading join seen on active_on <= last_on and known_day between known_from and known_until
  group by label, moment, user_id
)
select label, moment, user_id, coalesce(account.account_id, person.customer_id) as account_id, nullif(persona, '') as persona,
  created_on
from person left join account using (label, customer_id)
semi join paying_account on paying_account.label = person.label and paying_account.moment = person.moment
  and paying_account.account_id = coalesce(account.account_id, person.customer_id);
