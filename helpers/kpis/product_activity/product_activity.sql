-- What pages print of these queries, in English, and say in the language of the pack:
-- message: new
-- message: entered
-- message: over-deployed
-- message: seats not assigned
-- message: events: before their user was created
-- message: zeros are missing: users are those seen in events
-- message: history_starts_at {day}: the window opens on {opens}
-- message: no event is known by {day}; without any, every customer would look silent
-- message: entitlements: usage below 0 in the window
-- message: (none)
-- message: month
-- message: quarter
-- message: year
-- message: up
-- message: down
-- message: same
-- message: left

-- read_day: the days of which activity is read, with how many days before the last one they are (`age`): the 28 days that end
-- with the period (`close`), and the days of seven blocks of block_days, or 28 where these are fewer (`now`, `before`).
create view read_day as
select label, moment, known_day, cast(age as integer) as age, last_on - cast(age as integer) as active_on
from reading cross join rules
cross join lateral range(case moment when 'close' then 28 else greatest(7 * block_days, 28) end) as days(age);

-- use_read: the activity of each user on these days, as it is known in the period: the blocks in which there is any, as bits
-- (`blocks`; bit 0 is the newest), whether there is in the last 28 days (`recent`), and how many events it is. What lies
-- before a user was created is not its own.
create table use_read as
select label, moment, user_id, coalesce(active_on >= created_on, true) as is_own,
  bit_or(case when age // block_days < 7 then 1 << (age // block_days) else 0 end) as blocks, bool_or(age < 28) as recent,
  sum(events) as events
from read_day join event_day using (active_on) cross join rules
where is_activity and known_day between known_from and known_until
group by label, moment, user_id, is_own;

-- user_blocks: each user on the roster with the blocks in which it was active, as bits (`blocks`) and counted (`pac`, 0 to
-- 7), whether it was active in the last 28 days (`recent`), and in how many blocks it could have been active (`weeks`: 7,
-- fewer where it is new).
create table user_blocks as
select label, moment, user_id, account_id, created_on, coalesce(blocks, 0) as blocks, coalesce(recent, false) as recent,
  bit_count(coalesce(blocks, 0)) as pac,
  coalesce(least((last_on - created_on + block_days) // block_days, 7), 7) as weeks
from roster join reading using (label, moment) cross join rules
left join (from use_read where is_own) as own using (label, moment, user_id)
where moment in ('now', 'before');

-- account_blocks: each account that pays, with its users, the blocks in which any of them was active (as bits, and counted
-- as `pac`), the mean coefficient of its users, and how many of them were active in the last 28 days.
create table account_blocks as
select label, moment, account_id, segment, count(user_id) as users, coalesce(bit_or(blocks), 0) as blocks,
  bit_count(coalesce(bit_or(blocks), 0)) as pac, avg(pac) as pac_mean, count(*) filter (recent) as recent_users
from paying_account left join user_blocks using (label, moment, account_id)
where moment in ('now', 'before')
group by label, moment, account_id, segment;

-- pac_user_rows: each user on the roster on the last day of the period.
create view pac_user_rows as
select label, user_id, account_id, created_on, pac, weeks, recent from user_blocks where moment = 'now';

-- pac_user (K05): how many users have which score, those new within the seven blocks apart; and of the others the share
-- with 6 or 7.
create view pac_user as
with whole as (
  select label, count(user_id) as users, count(*) filter (weeks = 7) as old_users,
    count(*) filter (weeks = 7 and pac >= 6) as power_users
  from period anti join feed_notes using (label) left join pac_user_rows using (label) group by label
),
counted as (
  select label, case when weeks < 7 then 'new' else cast(pac as varchar) end as segment, count(*) as users
  from pac_user_rows group by all
)
select label, 'score' as segment_by, segment, coalesce(counted.users, 0) as pac_users, whole.users
from whole cross join (values ('0'), ('1'), ('2'), ('3'), ('4'), ('5'), ('6'), ('7'), ('new')) as score(segment)
left join counted using (label, segment)
union all by name
select label, '' as segment_by, '' as segment, power_users / nullif(old_users, 0) as pac_power_share, power_users, old_users
from whole;

-- pac_account_rows: each account that pays on the last day of the period.
create view pac_account_rows as
select label, account_id, segment, users, pac, pac_mean, recent_users from account_blocks where moment = 'now';

-- pac_account (K06): how many accounts have which score; of all users the share that was active in 28 days (pac_breadth),
-- and their mean coefficient (pac_mean).
create view pac_account as
with whole as (
  select label, count(account_id) as accounts, count(*) filter (users = 0) as without_users
  from period anti join feed_notes using (label) left join pac_account_rows using (label) group by label
),
counted as (select label, cast(pac as varchar) as segment, count(*) as accounts from pac_account_rows group by all),
people as (
  select label, count(user_id) as users, count(*) filter (recent) as recent_users, coalesce(sum(pac), 0) as active_weeks
  from period left join pac_user_rows using (label) group by label
)
select label, 'score' as segment_by, segment, coalesce(counted.accounts, 0) as pac_accounts, whole.accounts, without_users
from whole cross join (values ('0'), ('1'), ('2'), ('3'), ('4'), ('5'), ('6'), ('7')) as score(segment)
left join counted using (label, segment)
union all by name
select label, '' as segment_by, '' as segment, recent_users / nullif(users, 0) as pac_breadth,
  active_weeks / nullif(users, 0) as pac_mean, users, recent_users, active_weeks, without_users
from whole join people using (label);

-- pac_movement_rows: each user on the roster at the end of the period, or of the one before, with its coefficient and the
-- blocks it could have been active in on both days (null where it is not there), and how it moved.
create view pac_movement_rows as
with now as (from user_blocks where moment = 'now'),
before as (from user_blocks where moment = 'before')
select label, user_id, before.pac as pac_before, now.pac, before.weeks as weeks_before, now.weeks, case
    when before.user_id is null then 'entered' when now.user_id is null then 'left'
    when now.pac > before.pac then 'up' when now.pac < before.pac then 'down' else 'same' end as move
from now full join before using (label, user_id);

-- pac_movement (K07): how many users became more active since the period before, how many less; those on the roster on one
-- of the two days only stand apart. A calendar that begins with the period has none before.
create view pac_movement as
with counted as (select label, move as segment, count(*) as users from pac_movement_rows group by all)
select label, 'move' as segment_by, segment, coalesce(users, 0) as pac_moves, cast(sum(users) over of_period as bigint) as users,
  sum(users) filter (segment = 'up') over of_period as up, sum(users) filter (segment = 'down') over of_period as down
from period cross join (values ('up'), ('down'), ('same'), ('entered'), ('left')) as move(segment)
left join counted using (label, segment)
where previous_label is not null and label not in (select label from feed_notes)
window of_period as (partition by label);

-- feature_use: the last day, of the 28 that end with the period, on which a user on the roster did something with a feature
-- (null: without one). Users without a persona are of the persona (none).
create table feature_use as
with used as (
  select label, user_id, nullif(feature, '') as feature, max(active_on) as last_on
  from read_day join event_day using (active_on)
  where moment = 'close' and is_activity and known_day between known_from and known_until
    and coalesce(active_on >= created_on, true)
  group by all
)
select label, user_id, account_id, coalesce(persona, '(none)') as persona, feature, last_on
from used join roster using (label, user_id) where moment = 'close';

-- feature_known: the features used in each period, each with the day from which it is judged: the first of the 28, or that
-- of its first use by anybody. Of the spans in which a first use is known, those alone that tell an earlier day than what is
-- known by then and for good.
create table feature_known as
with first_use as (
  select feature, known_from, known_until, min(active_on) as first_on
  from events where feature <> '' group by feature, known_from, known_until
  window earlier as (
    partition by feature order by known_from, known_until desc rows between unbounded preceding and 1 preceding)
  qualify coalesce(first_on < min(first_on) filter (known_until = date '9999-12-31') over earlier, true)
)
select label, feature, greatest(min(first_on), any_value(last_on) - 27) as since
from reading
join first_use on known_day between known_from and known_until
semi join feature_use using (label, feature)
where moment = 'close'
group by label, feature;

-- meant_feature: the features that persona_features names for each persona, in their order.
create view meant_feature as
select persona, unnest(features) as feature, unnest(range(len(features))) as place
from (select entry.key as persona, entry.value as features
      from (select unnest(map_entries(cast(persona_features as map(varchar, varchar[])))) as entry from rules));

-- feature_adoption_rows: each active user, and the features that it used in the 28 days (null: none).
create view feature_adoption_rows as
select label, user_id, account_id, persona, feature, last_on from feature_use;

-- feature_adoption (K08): of the users of a persona that were active, since the feature is judged, the share that used it;
-- also what is meant for a persona and used by nobody. A period without any activity has one row without a value.
create view feature_adoption as
with people as (select label, persona, user_id, max(last_on) as last_on from feature_use group by all),
used as (select label, persona, feature, count(*) as used from feature_use group by all),
cell as (
  select label, persona, feature, count(*) filter (last_on >= since) as active
  from people join feature_known using (label) group by all
  union all
  select label, persona, feature, count(*)
  from people join meant_feature using (persona) anti join feature_known using (label, feature) group by all
)
select label, case when persona is null then '' else 'persona / feature' end as segment_by, persona || ' / ' || feature as segment,
  persona, feature, coalesce(used, 0) / nullif(active, 0) as feature_adoption, coalesce(used, 0) as used,
  coalesce(active, 0) as active
from period anti join feed_notes using (label) left join cell using (label) left join used using (label, persona, feature);

-- adoption_customers: how many customers a share of feature_adoption is of: those with active users of the persona, or, where
-- there are any, those of them with users that used the feature.
create view adoption_customers as
with people as (select label, persona, user_id, account_id, max(last_on) as last_on from feature_use group by all),
active as (
  select label, persona, feature, count(distinct account_id) as customers
  from people join feature_known using (label) where last_on >= since group by all
  union all
  select label, persona, feature, count(distinct account_id)
  from people join meant_feature using (persona) anti join feature_known using (label, feature) group by all
),
used as (select label, persona, feature, count(distinct account_id) as customers from feature_use group by all)
select label, persona, feature, coalesce(used.customers, active.customers) as customers
from active left join used using (label, persona, feature);

-- seat_utilisation_rows: each account that pays on the last day of the period and has seats then, those of lines without
-- a price among them: how many, how many users are on its roster (assigned), and how many of them were active in the 28
-- days (active).
create view seat_utilisation_rows as
with seat as (
  select reading.label, paying_account.account_id, paying_account.segment, sum(quantity) as seats
  from reading
  join version on out is null and seat_based and start_on <= paid_on and ends > paid_on
    and reading.known_day between known_from and known_until
  left join account on account.label = reading.label and account.customer_id = version.customer_id
  join paying_account on paying_account.label = reading.label and paying_account.moment = reading.moment
    and paying_account.account_id = coalesce(account.account_id, version.customer_id)
  where reading.moment = 'close'
  group by all having sum(quantity) > 0
),
recent as (select label, user_id from use_read where moment = 'close' and is_own),
people as (
  select label, account_id, count(*) as assigned, count(recent.user_id) as active
  from roster left join recent using (label, user_id) where moment = 'close' group by all
)
select label, account_id, segment, cast(seats as double) as seats, coalesce(assigned, 0) as assigned,
  coalesce(active, 0) as active
from seat left join people using (label, account_id);

-- seat_utilisation (K09): users active in 28 days ÷ the seats that customers have, in all and by segment.
create view seat_utilisation as
select label, case when grouping(segment) = 0 then 'segment' else '' end as segment_by, segment,
  sum(active) / sum(seats) as seat_utilisation, coalesce(sum(active), 0) as active, coalesce(sum(seats), 0) as seats,
  count(account_id) as accounts, count(*) filter (active > seats) as over_deployed
from period anti join feed_notes using (label) left join seat_utilisation_rows using (label)
group by grouping sets ((label), (label, segment)) having grouping(segment) = 1 or count(account_id) > 0;

-- quota: each customer, of an account that pays, and meter with a limit in force on the last day of the period. The latest
-- limit holds for the whole window, which opens with the month, quarter or fiscal year, or with the limit itself. used is
-- what was measured in it, corrections below 0 included; elapsed the share of the window that has passed; projected what
-- would be used by its end, once a quarter of it has passed.
create view quota as
with limited as (
  select label, known_day, paid_on, entitlements.customer_id, meter, arg_max(limit_qty, start_on) as limit_qty,
    arg_max(reset, start_on) as reset, max(start_on) as start_on
  from reading
  join entitlements on known_day between known_from and known_until
    and start_on <= paid_on and coalesce(end_on > paid_on, true)
  left join account using (label, customer_id)
  left join paying_account as payer on payer.label = reading.label and payer.moment = 'close'
    and payer.account_id = coalesce(account.account_id, entitlements.customer_id)
  where reading.moment = 'close' and (payer.account_id is not null or 'subscriptions' not in (select what from provided))
  group by all
),
opened as (
  select limited.*, cast(case reset when 'month' then date_trunc('month', paid_on) when 'quarter' then quarter_starts_on
      when 'year' then year_starts_on else start_on end as date) as opens_on,
    cast(case reset when 'month' then date_trunc('month', paid_on) + interval 1 month when 'quarter' then quarter_ends_on
      when 'year' then year_ends_on end as date) as closes_on
  from limited join period using (label)
),
measured as (
  select label, opened.customer_id, meter, sum(value) as used
  from opened
  join measurements on measurements.customer_id = opened.customer_id and metric = meter
    and local_day("at") between opens_on and paid_on and opened.known_day between known_from and known_until
  group by label, opened.customer_id, meter
)
select label, customer_id, meter, limit_qty, reset, opens_on, coalesce(measured.used, 0) as used,
  (paid_on + 1 - opens_on) / (closes_on - opens_on) as elapsed,
  case when elapsed >= 0.25 then coalesce(measured.used, 0) / elapsed end as projected
from opened left join measured using (label, customer_id, meter);

-- quota_usage_rows: each customer and meter with a limit in force; where corrections leave less than nothing used it is left
-- out.
create view quota_usage_rows as
from quota where used >= 0;

-- quota_usage (K10): what was used of the limits, meter by meter, and what would be by the end of their windows. A period
-- without limits has one row without a value.
create view quota_usage as
select label, case when meter is null then '' else 'meter' end as segment_by, meter as segment,
  sum(used) / sum(limit_qty) as quota_usage,
  sum(projected) / sum(limit_qty) filter (projected is not null) as quota_projected,
  sum(used) as used, sum(limit_qty) as limit_qty, count(customer_id) as n, coalesce(sum(projected), 0) as projected,
  coalesce(sum(limit_qty) filter (projected is not null), 0) as limit_projected, count(projected) as n_projected
from period left join quota_usage_rows using (label) group by label, meter;

-- account_activity: each account that pays on the last day of the period: in how many blocks it is active now and was a
-- period ago (null if it did not pay then, or no event is known by then), how broadly, what it pays, and its active users
-- block by block, the oldest first.
create view account_activity as
with weekly as (
  select label, account_id, concat_ws(' ',
    count(*) filter (blocks & 64 > 0), count(*) filter (blocks & 32 > 0), count(*) filter (blocks & 16 > 0),
    count(*) filter (blocks & 8 > 0), count(*) filter (blocks & 4 > 0), count(*) filter (blocks & 2 > 0),
    count(*) filter (blocks & 1 > 0)) as weeks
  from user_blocks where moment = 'now' group by all
),
before as (
  from account_blocks
  where moment = 'before' and label not in (select label from pac_movement_notes where kind = 'refused')
)
select now.label, now.account_id as customer_id, coalesce(customer, now.account_id) as customer, named_account.segment, owner, mrr,
  now.pac, before.pac as pac_before, now.pac - before.pac as change, now.pac_mean, now.users,
  now.recent_users as active_users, now.recent_users / nullif(now.users, 0) as breadth,
  coalesce(weeks, '0 0 0 0 0 0 0') as weeks
from account_blocks as now join period using (label)
left join before on before.label = now.label and before.account_id = now.account_id
left join weekly on weekly.label = now.label and weekly.account_id = now.account_id
left join customer_mrr on customer_mrr.label = now.label and customer_mrr.account_id = now.account_id and day = measured_on
left join named_account on named_account.label = now.label and named_account.account_id = now.account_id
where now.moment = 'now';

-- accounts_down: those that were active in more blocks a period ago.
create view accounts_down as
from account_activity where change < 0;

-- movement_matrix: how many users came from which coefficient a period ago to which one now; `new` are those created within
-- the seven blocks, `absent` those that were not there.
create view movement_matrix as
select label, case when pac_before is null then 'absent' when weeks_before < 7 then 'new' else cast(pac_before as varchar) end
    as before,
  case when pac is null then 'absent' when weeks < 7 then 'new' else cast(pac as varchar) end as now, count(*) as users
from pac_movement_rows group by all;

-- seats_by_customer: each account that has seats, with those that nobody uses.
create view seats_by_customer as
select label, account_id as customer_id, coalesce(customer, account_id) as customer, owner, seats, assigned, active,
  greatest(seats - active, 0) as unused, active > seats as is_over, active / seats as utilisation,
  case when is_over then 'over-deployed' when assigned < seats then 'seats not assigned' else '' end as flag
from seat_utilisation_rows left join named_account using (label, account_id);

-- quotas_by_customer: each customer and meter with a limit in force, and how much of it is used, or will be (pace).
create view quotas_by_customer as
select label, customer_id, coalesce(customer, customer_id) as customer, owner, meter, used, limit_qty as "limit", reset,
  used / limit_qty as usage, projected / limit_qty as pace, greatest(usage, pace) as nearest
from (select *, customer_id as account_id from quota_usage_rows) left join named_account using (label, account_id);

-- meant_use: each active user and each feature that is meant for its persona, and whether it used it in the 28 days.
create view meant_use as
select people.label, people.user_id, people.account_id, people.persona, meant_feature.feature, place,
  feature_use.feature is not null as is_used
from (select distinct label, user_id, account_id, persona from feature_use) as people
join meant_feature using (persona)
left join feature_use on feature_use.label = people.label and feature_use.user_id = people.user_id
  and feature_use.feature = meant_feature.feature;

-- feature_gaps: each active user that does not use all of the features meant for its persona: which, and how many it does.
create view feature_gaps as
with gap as (
  select label, user_id, account_id, persona, count(*) filter (is_used) as used,
    string_agg(feature, ', ' order by place) filter (not is_used) as missing
  from meant_use group by all
)
select label, user_id, account_id as customer_id, coalesce(customer, account_id) as customer, owner, persona, used, missing
from gap left join named_account using (label, account_id) where missing is not null;

-- gaps_by_customer: how many of an account's active users miss a feature meant for them, and which one most of them miss.
create view gaps_by_customer as
with missed as (
  select label, account_id, feature, count(*) as users from meant_use where not is_used group by all
),
most as (select label, account_id, first(feature order by users desc, feature) as lacked from missed group by all),
people as (select label, account_id, count(distinct user_id) as users from meant_use where not is_used group by all)
select label, account_id as customer_id, coalesce(customer, account_id) as customer, owner, users, lacked
from people join most using (label, account_id) left join named_account using (label, account_id);

-- use_notes: what is told besides figures that are made of activity, by the moment at which it is read.
create table use_notes as
select label, moment, kind, text, rows from feed_notes cross join (values ('now'), ('close')) as at_moment(moment)
union all
select label, moment, 'left out', 'events: before their user was created', cast(sum(events) as bigint)
from use_read where not is_own group by label, moment
union all
select label, moment, 'warning', 'zeros are missing: users are those seen in events', null
from reading where 'users' not in (select what from provided);

-- looked_at: the days that are looked at, by the moment: seven blocks, and 28 days.
create view looked_at as
select label, moment, known_day, last_on as day, last_on + 1 - cast(case moment when 'close' then 28 else 7 * block_days end as integer) as opens_on
from reading cross join rules where label not in (select label from feed_notes);

-- history_notes: where those days begin before any event that is known, and where no event of a whole block of them is.
create view history_notes as
select label, moment, 'history_starts_at ' || first_on || ': the window opens on ' || opens_on as text
from looked_at join reach_of_use using (label)
where first_on > opens_on
union all
select label, moment, text
from looked_at join feed_gap using (known_day) cross join rules
where least(day, silent_to) - greatest(opens_on, silent_from) + 1 >= block_days;

-- block_notes, recent_notes: those of blocks that end with the period, and of its last 28 days.
create view block_notes as
select * exclude (moment) from use_notes where moment = 'now'
union all
select label, 'warning', text, null from history_notes where moment = 'now';

create view recent_notes as
select * exclude (moment) from use_notes where moment = 'close'
union all
select label, 'warning', text, null from history_notes where moment = 'close';

-- pac_movement_notes: the same of moves, which need the blocks of the period before: where the feed had broken off, or not
-- begun, by its end, all would have gone up.
create view pac_movement_notes as
from block_notes
union all
select label, 'refused', text, null from reading join feed_break using (known_day)
where moment = 'before' and day = last_on and label not in (select label from feed_notes)
union all
select label, 'warning', text, null from history_notes where moment = 'before';

-- quota_notes: the limits that are left out.
create view quota_notes as
select label, 'left out' as kind, 'entitlements: usage below 0 in the window' as text, count(*) as rows
from quota where used < 0 group by label;
