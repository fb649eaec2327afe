-- What pages print of these queries, in English, and say in the language of the pack:
-- message: in two variants at once
-- message: in a variant that the plan does not have
-- message: assigned on a day that the plan does not have
-- message: not read before the day on which the experiment stops
-- message: outcome not yet due
-- message: two different outcomes
-- message: no outcome
-- message: immature: the horizon has not ended
-- message: no score
-- message: left within the gap
-- message: nothing due
-- message: between training and test

-- assigned: each unit of a registered experiment once, in the variant that it was first in, with its cluster: the account
-- of a user, else the unit itself. is_crossover: it was in the other variant later. used_before: it was in another
-- experiment before. left_out says why a unit does not count. What is not read yet (is_readable) has no outcome here.
create table assigned as
with known as (
  select label, known_day, experiment_id, unit_id, variant, assigned_at, pre_value, outcome,
    min(assigned_at) over (partition by label, experiment_id, unit_id) as first_at,
    min(assigned_at) over (partition by label, unit_id) as first_of_all_at
  from period join rules on label = review_label
  join assignments on known_day between known_from and known_until
),
unit as (
  select label, known_day, experiment_id, unit_id, any_value(first_at) as assigned_at,
    local_day(any_value(first_at)) as assigned_on,
    min(variant) filter (assigned_at = first_at) as variant,
    count(distinct variant) filter (assigned_at = first_at) > 1 as is_torn,
    count(distinct variant) > 1 as is_crossover, any_value(first_of_all_at < first_at) as used_before,
    arg_min(pre_value, assigned_at) as pre_value, arg_min(outcome, assigned_at) as outcome,
    count(distinct outcome) > 1 as has_two_outcomes
  from known group by all
),
person as (
  select label, user_id, coalesce(account_id, users.customer_id) as account_id
  from period join rules on label = review_label
  join users on known_day between known_from and known_until left join account using (label, customer_id)
)
select unit.label, plan.experiment, plan.unit, unit_id, coalesce(person.account_id, unit_id) as cluster, variant,
  variant = treatment as is_treated, assigned_at, assigned_on, outcome_days, is_crossover and not is_torn as is_crossover,
  used_before, is_readable, pre_value, case when is_readable then outcome end as outcome, case
    when is_torn then 'in two variants at once'
    when variant not in (control, treatment) then 'in a variant that the plan does not have'
    when assigned_on < starts_on or assigned_on >= stops_on then 'assigned on a day that the plan does not have'
    when not is_readable then 'not read before the day on which the experiment stops'
    when assigned_on + outcome_days > known_day then 'outcome not yet due'
    when has_two_outcomes then 'two different outcomes' end as left_out
from unit
join registered_trial as plan on plan.experiment = experiment_id
left join person on plan.unit = 'user' and person.label = unit.label and person.user_id = unit.unit_id;

-- measured_unit: what was measured of each unit, by metric: after its assignment for outcome_days, and as long before it.
create view measured_unit as
with counted as (
  select label, measurements.*
  from period join rules on label = review_label join measurements on known_day between known_from and known_until
  where metric in (select metric from registered_metric union select per from registered_metric)
),
named as (
  select label, customer_id as unit_id, true as is_customer, metric, "at", value from counted
  union all
  select label, object_id, false, metric, "at", value from counted
)
select label, experiment, unit_id, metric,
  sum(value) filter ("at" >= assigned_at and local_day("at") < assigned_on + outcome_days) as after,
  sum(value) filter ("at" < assigned_at and local_day("at") >= assigned_on - outcome_days) as before
from assigned join named using (label, unit_id)
where is_readable and is_customer = (unit = 'customer')
group by all;

-- metric_on_record: what was ever measured, as the review knows it.
create view metric_on_record as
select distinct label, metric
from period join rules on label = review_label join measurements on known_day between known_from and known_until;

-- experiment_rows: each unit of each controlled experiment, with each metric: its value (per_value, by which it is
-- divided) and what it was before the assignment. left_out says why it does not count.
create table experiment_rows as
select assigned.* exclude (pre_value, outcome, left_out, is_readable), registered_metric.metric, role, per,
  case when registered_metric.metric = 'outcome' then outcome when is_readable then coalesce(own.after, 0) end as value,
  case when is_readable and per is not null then coalesce(divisor.after, 0) end as per_value,
  case when registered_metric.metric = 'outcome' then pre_value when is_readable then own.before end as before,
  coalesce(left_out, case when registered_metric.metric = 'outcome' and outcome is null then 'no outcome' end) as left_out
from assigned
join registered_metric using (experiment)
left join measured_unit as own on own.label = assigned.label and own.experiment = assigned.experiment
  and own.unit_id = assigned.unit_id and own.metric = registered_metric.metric
left join measured_unit as divisor on divisor.label = assigned.label and divisor.experiment = assigned.experiment
  and divisor.unit_id = assigned.unit_id and divisor.metric = per;

-- counted_unit: each unit that counts, with each metric. z is its value; of the primary metric, where the plan says so,
-- corrected by what it was before the assignment (CUPED), with one slope for all units. What was not measured before an
-- assignment is taken as the mean of what was.
create view counted_unit as
with filled as (
  select experiment_rows.*, use_pre_value and role = 'primary' as is_asked,
    coalesce(before, avg(before) over (partition by label, experiment_rows.experiment, metric)) as x
  from experiment_rows join registered_trial using (experiment) where left_out is null
),
slope as (
  select label, experiment, metric, covar_samp(value, x) / nullif(var_samp(x), 0) as theta, avg(x) as mean_x
  from filled where is_asked group by all
)
select filled.*, theta is not null as is_corrected, coalesce(value - theta * (x - mean_x), value) as z
from filled left join slope using (label, experiment, metric);

-- experiment_sums: what the clusters of each variant come to: their number (n), the units in them, and the means,
-- variances and covariances of the sums of a cluster's values (y, or corrected z) and of what they are divided by (d).
create table experiment_sums as
with clusters as (
  select label, experiment, metric, role, is_treated, is_corrected, cluster, count(*) as units, sum(value) as y, sum(z) as z,
    case when any_value(per) is null then count(*) else sum(per_value) end as d, bool_and(value in (0, 1)) as is_yes_or_no
  from counted_unit group by all
)
select label, experiment, metric, role, is_treated, is_corrected, count(*) as n, sum(units) as units, sum(y) as total,
  bool_and(is_yes_or_no) as is_yes_or_no,
  avg(y) as mean_y, var_samp(y) as var_y, covar_samp(y, d) as cov_y, avg(z) as mean_z, var_samp(z) as var_z,
  covar_samp(z, d) as cov_z, avg(d) as mean_d, var_samp(d) as var_d
from clusters group by all;

-- experiment (C09): the difference that each controlled experiment made in its primary metric, treatment less control:
-- of means, or of ratios of sums; corrected by what was measured before the assignment, where the plan says so (CUPED).
create view experiment as
select label, 'experiment' as segment_by, experiment as segment,
  max(mean_z / nullif(mean_d, 0)) filter (is_treated) - max(mean_z / nullif(mean_d, 0)) filter (not is_treated)
    as experiment_effect
from experiment_sums where role = 'primary' group by label, experiment;

-- account_end: each day on which an account stopped to pay, as the review knows it: none of its other versions is in force.
create table account_end as
with own as (select account_id, start_on, ends from paid join rules on label = review_label)
select distinct own.account_id, own.ends
from own anti join own as other
  on other.account_id = own.account_id and other.start_on <= own.ends and other.ends > own.ends;

-- line_due: each line with its renewal day, as the review knows it, and whether it was paid on that day or within
-- grace_days of it.
create table line_due as
with own as (select paid.*, grace_days from paid join rules on label = review_label),
due as (select distinct account_id, subscription_id, line_id, renewal_on from own where renewal_on is not null)
select due.account_id, due.renewal_on, bool_or(start_on - due.renewal_on <= grace_days and ends > due.renewal_on) as is_renewed
from due join own on own.subscription_id = due.subscription_id and own.line_id is not distinct from due.line_id
group by due.account_id, due.subscription_id, due.line_id, due.renewal_on;

-- snapshot_day: the last days of the periods of the review's own kind, whose outcomes a backtest asks for: in the horizon
-- that begins after the gap (since) and ends on `until`. It is mature when the day is known on which the outcome is settled:
-- that one, and for renewals, which may be late, grace_days later.
create view snapshot_day as
with own as (
  select period.*, review.known_day as now_known, grace_days
  from period cross join rules join period as review on review.label = review_label and review.kind = period.kind
)
select own.label, experiment, target, measured_on as day, measured_on + gap_days as since,
  measured_on + gap_days + horizon_days as until, until + case target when 'renewal' then grace_days else 0 end as settled_on,
  settled_on <= now_known as is_mature, measured_on >= test_from as is_test,
  settled_on < coalesce(min(measured_on) filter (measured_on >= test_from) over (partition by experiment), test_from) as is_train,
  lag(measured_on) over (partition by experiment order by measured_on) as last_day
from own cross join registered_backtest;

-- backtest_rows: each account that paid on a snapshot's day, with its score, with what became of it (event: it left, or did
-- not renew), and what anybody could have said without the score: the days to its renewal, how long it has paid, and the
-- score of the snapshot before. left_out says why it does not count.
create table backtest_rows as
with holding_then as (
  select label, account_id, min(start_on) filter (start_on <= measured_on) as since_on,
    min(renewal_on) filter (start_on <= measured_on and ends > measured_on and renewal_on > measured_on) as renewal_on
  from paid join period using (label)
  group by label, account_id, measured_on
  having bool_or(start_on <= measured_on and ends > measured_on)
),
scored as (
  select snapshot_day.*, account_id, value as score, since_on, renewal_on
  from snapshot_day join holding_then using (label) left join registered_score using (experiment, label, account_id)
),
staying as (
  select day.since, account_id
  from (select distinct since from snapshot_day) as day
  join paid on start_on <= day.since and ends > day.since join rules on label = review_label
  group by all
),
left_then as (
  select snapshot_day.experiment, snapshot_day.label, account_id, true as event
  from snapshot_day join account_end on ends > since and ends <= until
  where target = 'churn' group by all
),
due_then as (
  select snapshot_day.experiment, snapshot_day.label, account_id, not bool_and(is_renewed) as event
  from snapshot_day join line_due on renewal_on > since and renewal_on <= until
  where target = 'renewal' group by all
)
select review_label as label, scored.experiment, scored.label as snapshot, scored.account_id, scored.day, score, is_test, is_train,
  coalesce(left_then.event, due_then.event, false) as event,
  case when lag(scored.day) over snapshots = last_day then lag(score) over snapshots end as last_score,
  scored.day - since_on as tenure, renewal_on - scored.day as days_to_renewal, case
    when not is_mature then 'immature: the horizon has not ended'
    when score is null then 'no score'
    when staying.account_id is null then 'left within the gap'
    when target = 'renewal' and due_then.event is null then 'nothing due'
    when not is_test and not is_train then 'between training and test' end as left_out
from scored cross join rules
left join staying using (since, account_id)
left join left_then using (experiment, label, account_id)
left join due_then using (experiment, label, account_id)
window snapshots as (partition by scored.experiment, scored.account_id order by scored.day);

-- backtest (G04): how often an account with the event had a worse score than one without, over the test's snapshots, equal
-- ones counted half. Which way is worse, the training says; without an event there, more is.
create view backtest as
with ranked as (
  select experiment, is_test, event,
    rank() over same_part + (count(*) over (partition by experiment, is_test, score) - 1) / 2 as place
  from backtest_rows where left_out is null
  window same_part as (partition by experiment, is_test order by score)
),
measured as (
  select experiment, is_test, (sum(place) filter (event) - count(*) filter (event) * (count(*) filter (event) + 1) / 2)
    / nullif(count(*) filter (event) * count(*) filter (not event), 0) as auc
  from ranked group by all
)
select review_label as label, 'experiment' as segment_by, experiment as segment,
  case when coalesce(max(auc) filter (not is_test), 1) < 0.5 then 1 - max(auc) filter (is_test)
       else max(auc) filter (is_test) end as backtest_auc
from measured cross join rules group by review_label, experiment;

-- cpi_kpi_link_rows: each account with its value of a CPI in a period and what became of it some periods later: it churned,
-- or paid more (expanded), or renewed what came due (renewed); null where nothing came due. With what may stand behind
-- both: its MRR, how long it has paid, and its segment. What a currency moves is no expansion: what it paid is told at the
-- rates of later too (revalued). Periods whose MRR is refused are none of those.
create table cpi_kpi_link_rows as
with own as (
  select period.*, row_number() over (order by period.starts_on) as place
  from period join rules on true join period as review on review.label = review_label and review.kind = period.kind
),
asked as (
  select experiment, outcome, own.label, own.measured_on, later.label as later_label, later.measured_on as later_on
  from registered_link join own on true join own as later on later.place = own.place + lag
  where not later.is_partial and not exists (
    from stock_notes where stock_notes.kind = 'refused' and stock_notes.label in (own.label, later.label))
),
revalued as (
  select asked.label, later_label, account_id, sum(cast(amount * rate as decimal(38, 9))) as mrr
  from (select distinct label, measured_on, later_label, later_on from asked) as asked
  join paid on paid.label = asked.label and start_on <= measured_on and ends > measured_on
  left join rate on rate.currency = paid.currency and later_on between valid_from and valid_until
  group by all
),
renewal as (select label, account_id, bool_and(is_renewed) as is_renewed from came_due where not is_pending group by all)
select review_label as label, experiment, asked.label as of_period, later_label as outcome_period, account_id, value.value,
  mrr_rows.mrr, mrr_rows.segment, tenure, case outcome
    when 'churned' then after.account_id is null
    when 'expanded' then coalesce(after.mrr > revalued.mrr, false)
    else is_renewed end as outcome
from asked cross join rules
join registered_link_value as value using (experiment, label)
join mrr_rows using (label, account_id)
join revalued using (label, later_label, account_id)
join life using (label, account_id)
left join mrr_rows as after on after.label = later_label and after.account_id = value.account_id
left join renewal on renewal.label = later_label and renewal.account_id = value.account_id
where value.value is not null;

-- cpi_kpi_link (C08): of how many customers and periods a link is told, and how often the outcome happened; the effect is
-- the slope of the outcome, with MRR, tenure and segment beside it.
create view cpi_kpi_link as
select label, 'experiment' as segment_by, experiment as segment, count(*) as n,
  count(distinct account_id) as customers, count(*) filter (outcome) as events
from cpi_kpi_link_rows where outcome is not null group by all;

-- units_left_out: how many units of each experiment do not count in its primary metric, by why.
create view units_left_out as
select label, experiment, left_out, count(*) as units
from experiment_rows where role = 'primary' and left_out is not null group by all;

-- assigned_counts: how many units of each experiment, and clusters of them, are in each variant. Planned are those that the
-- plan has a place for, whether their outcome is known or not.
create view assigned_counts as
with sides as (
  select label, experiment, cluster, count(distinct is_treated) > 1 as is_mixed
  from assigned where variant in (select control from registered_trial union select treatment from registered_trial)
  group by all
)
select label, experiment, is_treated, count(*) as units, count(distinct cluster) as clusters,
  coalesce(left_out not in ('in two variants at once', 'in a variant that the plan does not have',
    'assigned on a day that the plan does not have'), true) as is_planned,
  count(*) filter (is_crossover) as crossovers, count(*) filter (used_before) as used_before,
  count(distinct cluster) filter (is_mixed and is_treated) as mixed_clusters
from assigned left join sides using (label, experiment, cluster) group by all;

-- assigned_in_order: the clusters of each experiment in the order of their assignment.
create view assigned_in_order as
select label, experiment, cluster, min(assigned_at) as assigned_at, arg_min(is_treated, assigned_at) as is_treated
from assigned
where coalesce(left_out not in ('in two variants at once', 'in a variant that the plan does not have',
  'assigned on a day that the plan does not have'), true)
group by all;

-- available_customers: the accounts that pay at the end of the period; available_users: their users; coming_deals: the
-- deals that were created in a week, on average over 13 weeks.
create view available_customers as
select label, count(*) as units from mrr_rows join rules on label = review_label group by label;
create view available_users as
select label, count(*) as units from roster join rules on label = review_label where moment = 'close' group by label;
create view coming_deals as
select label, count(*) // 13 as units
from known_deal join period using (label) join rules on label = review_label
where created_on > measured_on - 91 and created_on <= measured_on group by label;
