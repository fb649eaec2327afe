-- What pages print of these queries, in English, and say in the language of the pack:
-- message: no record ever entered {stages}: records of a later stage are taken to have passed
-- message: no record ever entered {stages}
-- message: implied_entry: {n} of {total} records have no entry to {stage}; they are dated at the first stage known
-- message: {n} of {total} records had not been followed for {days} days by {day}
-- message: stage_history: stage is not in stages
-- message: stage_history has {found}, which are not in stages, and never {missing}, which are; in review.yml, name its stages in order under themes.pipeline_conversion.stages
-- message: records: {stage} before {first}
-- message: no deal is recorded as lost and {n} are won: a win rate would be 100 %; give lost deals outcome 'lost'
-- message: deals: closed without outcome or day
-- message: (none)
-- message: an amount without a currency
-- message: lead
-- message: mql
-- message: sql
-- message: opportunity
-- message: won

-- funnel_cohort (K11): of the records that entered the pipeline in each period, followed to the review, how many
-- reached each stage (by stage; `before` are those that reached the stage before it), and which share was won and
-- accepted (in total and by the source of their deals). `young` are the records that were not followed for horizon_days
-- yet.
create view funnel_cohort as
with part as (
  select label, case when grouping(source) = 0 then 'source' else '' end as segment_by, coalesce(source, '') as segment,
    count(record_id) as records, count(*) filter (is_young) as young, count(*) filter (is_implied) as implied,
    count(*) filter (list_contains(reached, stages[-1])) as won,
    count(*) filter (list_contains(reached, 'mql')) as mql, count(*) filter (list_contains(reached, 'sql')) as sql
  from period cross join rules left join funnel_cohort_rows using (label)
  group by grouping sets ((label), (label, source)) having grouping(source) = 1 or count(record_id) > 0
),
by_stage as (
  select label, stage, place, count(*) filter (list_contains(reached, stage)) as funnel_reached
  from period cross join funnel_stage left join funnel_cohort_rows using (label)
  group by all
)
select label, segment_by, segment, 0 as place, records, young, implied, won, mql, sql,
  won / nullif(records, 0) as funnel_conversion, sql / nullif(mql, 0) as lead_acceptance
from part
union all by name
select label, 'stage' as segment_by, stage as segment, by_stage.place, records, young, funnel_reached, before,
  funnel_reached / nullif(before, 0) as funnel_step_rate
from (select *, lag(funnel_reached) over (partition by label order by place) as before from by_stage) as by_stage
join part using (label)
where segment_by = '';

-- funnel_cohort_rows: each record that entered in the period, as the review knows it, with the stages that it reached.
create table funnel_cohort_rows as
select period.label, record_id, source, entered_on, is_implied,
  entered_on > review_known_day - cast(coalesce(horizon_days, 0) as integer) as is_young, reached
from period cross join rules
join journey on journey.label = review_label and entered_on >= starts_on and entered_on < ends_on
join stages_reached using (record_id);

-- funnel_stage: the stages of the pipeline in order.
create view funnel_stage as
select unnest(stages) as stage, unnest(range(1, len(stages) + 1)) as place from rules;

-- first_entry: the day on which a record first entered a stage of the pipeline, as known in each period.
create table first_entry as
select label, record_id, stage, place, min(entered_on) as day
from period
join (select *, local_day(entered_at) as entered_on from stage_history) as entry
  on known_day between known_from and known_until
join funnel_stage using (stage)
group by all;

-- journey: each record that entered a stage, as known in each period, with the source of its deal and the day on which
-- it entered the pipeline: its entry to the first stage, or else to the first one that is known (is_implied). One that
-- was won before that is in no figure (is_won_too_early).
create table journey as
with entered as (
  select label, record_id, min(day) filter (place = 1) as first_on, min(day) filter (place < len(stages)) as known_on,
    min(day) filter (place = len(stages)) as last_on
  from first_entry cross join rules group by all
)
select entered.label, record_id, coalesce(source, '(none)') as source,
  coalesce(first_on, known_on, last_on) as entered_on, first_on is null as is_implied,
  coalesce(last_on < coalesce(first_on, known_on), false) as is_won_too_early
from entered left join known_deal on known_deal.label = entered.label and deal_id = record_id;

-- stages_reached: the stages that each record reached within horizon_days of entering the pipeline, as the review knows
-- it. With skip, an entry shows that all stages before were passed too (imply), or a stage counts where all before it
-- were entered in order (strict), or each counts by itself (any). The first stage is always reached.
create table stages_reached as
with entry as (
  select journey.record_id, entered_on, funnel_stage.stage, funnel_stage.place,
    case when funnel_stage.place = 1 then entered_on else day end as day
  from journey join rules on journey.label = review_label
  cross join funnel_stage
  left join first_entry using (label, record_id, place)
  where not is_won_too_early
),
timed as (
  select *, case when horizon_days is null then day is not null
                 else coalesce(day <= entered_on + cast(horizon_days as integer), false) end as in_time,
    place = 1 or coalesce(day >= lag(day) over (partition by record_id order by place), false) as in_order
  from entry cross join rules
),
judged as (
  select *, case skip
      when 'imply' then place <= max(place) filter (in_time) over (partition by record_id)
      when 'strict' then bool_and(in_time and in_order) over (partition by record_id order by place)
      else in_time end as is_reached
  from timed
)
select record_id, list(stage order by place) filter (is_reached) as reached from judged group by record_id;

-- funnel_period (K12): how many records first entered each stage in the period (now), and the stage before it (before).
create view funnel_period as
select label, 'stage' as segment_by, stage as segment, place, now, before, now / nullif(before, 0) as funnel_activity_ratio
from (select * replace (lag(now) over (partition by label order by place) as before) from stage_activity)
where place > 1;

-- funnel_period_rows: each first entry to a stage in the period.
create view funnel_period_rows as
select label, record_id, stage, place, day
from first_entry join period using (label) join journey using (label, record_id)
where day between starts_on and measured_on and not is_won_too_early;

-- stage_activity: how many records first entered each stage in the period, and in as many days of the period before it.
create table stage_activity as
select period.label, funnel_stage.stage, funnel_stage.place,
  count(*) filter (day between starts_on and measured_on) as now,
  count(*) filter (day between previous_starts_on and previous_measured_on) as before
from period cross join funnel_stage
left join (from first_entry semi join (from journey where not is_won_too_early) using (label, record_id)) as entry
  on entry.label = period.label and entry.place = funnel_stage.place
group by all;

-- entered_stage: the stages that any record ever entered, also those that are not of this pipeline.
create table entered_stage as
select label, stage, count(*) as entries from period join stage_history on known_day between known_from and known_until
group by all;

-- funnel_notes: entries and records that are in no funnel, and the stages that no record ever entered. Where records
-- entered others instead, as the review knows it, the stages may have other names there, and the funnel is refused; where
-- those who are lost go is no stage of it.
create table funnel_notes as
with other as (
  select array_to_string(list(stage order by entries desc, stage)[:8], ', ') as found  -- the most entered
  from entered_stage join rules on label = review_label
  where stage not in (select stage from funnel_stage) and stage not ilike '%lost%'
),
never as (
  select string_agg(stage, ', ' order by place) as missing
  from funnel_stage where stage not in (select stage from entered_stage join rules on label = review_label)
)
select label, 'left out' as kind, 'stage_history: stage is not in stages' as text, sum(entries) as rows, 0 as place
from entered_stage where stage not in (select stage from funnel_stage) group by label
union all
select label, 'left out', 'records: ' || stages[-1] || ' before ' || stages[1], count(*), 0
from journey cross join rules where is_won_too_early group by all
union all
select label, 'warning', 'no record ever entered ' || string_agg(stage, ', ' order by place), null, 1
from period cross join funnel_stage where (label, stage) not in (select (label, stage) from entered_stage)
group by label
union all
select label, 'refused', 'stage_history has ' || found || ', which are not in stages, and never ' || missing
  || ', which are; in review.yml, name its stages in order under themes.pipeline_conversion.stages', null, 0
from period cross join other cross join never where found is not null and missing is not null;

-- funnel_cohort_notes: the same as the review knows it, and how cohorts were read.
create view funnel_cohort_notes as
select period.label, funnel_notes.kind,
  text || case when funnel_notes.kind = 'warning' and skip = 'imply'
    then ': records of a later stage are taken to have passed' else '' end as text,
  rows, place
from period cross join rules join funnel_notes on funnel_notes.label = review_label
union all
select label, 'warning', 'implied_entry: ' || implied || ' of ' || records || ' records have no entry to ' || stages[1]
  || '; they are dated at the first stage known', null, 2
from funnel_cohort cross join rules where segment_by = '' and implied > 0
union all
select label, 'warning', young || ' of ' || records || ' records had not been followed for ' || horizon_days
  || ' days by ' || review_known_day, null, 3
from funnel_cohort join period using (label) cross join rules where segment_by = '' and young > 0;

-- funnel_velocity (K13): the deals that were won and lost in the period, and those open at its end, in total and by
-- source; and what the won ones came to, at the fixed exchange rates. Where many deals were won and none was ever lost,
-- losses are not recorded, and the win rate is refused.
create view funnel_velocity as
with counted as (
  select label, case when grouping(source) = 0 then 'source' else '' end as segment_by, coalesce(source, '') as segment,
    count(*) filter (state = 'won') as won, count(*) filter (state = 'lost') as lost,
    count(*) filter (state = 'open') as open,
    coalesce(cast(sum(cast(amount as decimal(38, 9))) filter (state = 'won') as double), 0) as amount,
    count(amount) filter (state = 'won') as priced
  from period left join funnel_velocity_rows using (label)
  group by grouping sets ((label), (label, source))
  having grouping(source) = 1 or count(state) > 0 or bool_or(is_undecided)
),
loss as (
  select label, 'no deal is recorded as lost and ' || count(*) filter (outcome = 'won') || ' are won: '
    || 'a win rate would be 100 %; give lost deals outcome ''lost''' as reason
  from known_deal group by label
  having count(*) filter (outcome = 'won') >= 30 and count(*) filter (outcome = 'lost') = 0
),
unrated as (
  select label, 'no rate for ' || string_agg(distinct unrated_currency, ', ' order by unrated_currency)
    || '; add it to fx_rates' as reason
  from funnel_velocity_rows where state = 'won' and unrated_currency is not null group by label
)
select counted.*, won / nullif(won + lost, 0) as win_rate, loss.reason as win_rate_refused,
  coalesce(loss.reason, unrated.reason) as sales_velocity_refused
from counted left join loss using (label) left join unrated using (label);

-- funnel_velocity_rows: each deal that was won or lost in the period or is open at its end (state), or that was created
-- in the four quarters that end with it, with the days that it took or waits, and what ended them (cause): 1 if it was
-- won, 2 if it was lost, 0 if it was still open on the last day that is known. What closed without an outcome after the
-- period's end was open at that end, and waited until it closed.
create table funnel_velocity_rows as
select label, deal_id, customer_id, source, created_on, closed_on, case
    when outcome in ('won', 'lost') and closed_on between starts_on and measured_on then outcome
    when created_on <= measured_on and (outcome = 'open' or closed_on > measured_on) then 'open' end as state,
  case when kind = 'quarter' and created_on between four_periods_start_on and measured_on
      and (not is_undecided or closed_on > measured_on)
    then case when outcome = 'open' then known_day else closed_on end - created_on end as days,
  case when days is not null then case outcome when 'won' then 1 when 'lost' then 2 else 0 end end as cause,
  is_undecided, amount * rate as amount,
  case when amount is not null and rate is null then coalesce(currency, 'an amount without a currency') end
    as unrated_currency
from known_deal join period using (label) left join fixed_rate using (currency)
where state is not null or days is not null or is_undecided;

-- sales_cycle: the deals of funnel_velocity_rows that were created in the four quarters.
create view sales_cycle as
select label, source, days, cause from funnel_velocity_rows where days is not null;

-- funnel_velocity_notes: the deals that can be placed nowhere.
create view funnel_velocity_notes as
select label, 'left out' as kind, 'deals: closed without outcome or day' as text, count(*) as rows
from known_deal join period using (label) where is_undecided and coalesce(closed_on <= measured_on, true) group by label;

-- step_wait: the days that each record took from one stage to the next, or waited at most: to a later stage, to the
-- loss of its deal or to the last day that is known. Of the records that entered the stage in the four periods that end
-- with this.
create view step_wait as
select entry.label, entry.place, entry.record_id, following.day is not null as is_taken,
  coalesce(following.day, least(min(later.day), lost.closed_on, known_day)) - entry.day as days
from first_entry as entry
join journey on journey.label = entry.label and journey.record_id = entry.record_id and not is_won_too_early
join period on period.label = entry.label and entry.day between four_periods_start_on and measured_on
left join first_entry as following on following.label = entry.label and following.record_id = entry.record_id
  and following.place = entry.place + 1
left join first_entry as later on later.label = entry.label and later.record_id = entry.record_id
  and later.place > entry.place
left join known_deal as lost on lost.label = entry.label and deal_id = entry.record_id and outcome = 'lost'
group by entry.label, entry.place, entry.record_id, entry.day, following.day, lost.closed_on, known_day
having days >= 0;

-- open_pipeline: the deals that are open at the end of the period, by the furthest stage that they had entered by then.
create view open_pipeline as
with furthest as (
  select first_entry.label, record_id, arg_max(stage, place) as stage, max(place) as place
  from first_entry join period using (label) join journey using (label, record_id)
  where day <= measured_on and not is_won_too_early group by all
)
select label, coalesce(stage, '(none)') as stage, place, count(*) as deals,
  cast(sum(cast(amount as decimal(38, 9))) as double) as amount,
  avg(measured_on - created_on) as mean_age,
  count(*) filter (measured_on - created_on <= 30) as to_30,
  count(*) filter (measured_on - created_on between 31 and 90) as to_90,
  count(*) filter (measured_on - created_on between 91 and 180) as to_180,
  count(*) filter (measured_on - created_on > 180) as older,
  list_distinct(list(unrated_currency)) as unrated
from funnel_velocity_rows as deal
join period using (label)
left join furthest on furthest.label = deal.label and record_id = deal_id
where state = 'open'
group by all;
