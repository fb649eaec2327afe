-- What pages print of these queries, in English, and say in the language of the pack:
-- message: month
-- message: quarter
-- message: week
-- message: day
-- message: an amount without a currency
-- message: (none)
-- message: Lost
-- message: Stayed
-- message: new
-- message: reactivation
-- message: churn
-- message: contraction
-- message: expansion
-- message: currency effect
-- message: customers of whom it was learnt after {known} what they paid on {day}: {n}; the difference is in the opening MRR, and in no movement

-- mrr_rows: each account that pays on the last day of the period, with its MRR.
create view mrr_rows as
select customer_mrr.label, account_id, segment, mrr from customer_mrr join period using (label) where day = measured_on;

-- mrr (K20): what paying customers are worth a month, on the last day of the period.
create view mrr as
select label, case when grouping(segment) = 0 then 'segment' else '' end as segment_by, segment,
  coalesce(sum(mrr), 0) as mrr, count(account_id) as paying_customers, sum(mrr) / nullif(count(account_id), 0) as arpa
from period left join mrr_rows using (label)
group by grouping sets ((label), (label, segment)) having grouping(segment) = 1 or count(account_id) > 0;

-- mrr_movements_rows: each account with its opening MRR, its movements of the period and its closing MRR, and those that
-- came and went between two snapshots (intra_period).
create view mrr_movements_rows as
select *, new + reactivation + expansion + contraction + churn as net, null::decimal(38, 9) as intra_period from moved
union all by name
select label, account_id, segment, mrr as intra_period, 0 as opening, 0 as new, 0 as reactivation, 0 as expansion,
  0 as contraction, 0 as churn, 0 as fx, 0 as closing, 0 as net
from passed_through;

-- mrr_movements (K22): how MRR came from its opening to its closing; the currency effect stands apart.
create view mrr_movements as
select label, case when grouping(segment) = 0 then 'segment' else '' end as segment_by, segment,
  coalesce(sum(opening), 0) as mrr_opening, count(*) filter (opening <> 0) as n_opening,
  coalesce(sum(new), 0) as mrr_new, count(*) filter (new <> 0) as n_new,
  coalesce(sum(reactivation), 0) as mrr_reactivation, count(*) filter (reactivation <> 0) as n_reactivation,
  coalesce(sum(expansion), 0) as mrr_expansion, count(*) filter (expansion <> 0) as n_expansion,
  coalesce(sum(contraction), 0) as mrr_contraction, count(*) filter (contraction <> 0) as n_contraction,
  coalesce(sum(churn), 0) as mrr_churn, count(*) filter (churn <> 0) as n_churn,
  coalesce(sum(fx), 0) as mrr_fx, count(*) filter (fx <> 0) as n_fx,
  coalesce(sum(net), 0) as net_new_mrr, count(*) filter (net <> 0) as n_net,
  coalesce(sum(intra_period), 0) as mrr_intra_period, count(intra_period) as n_intra
from period left join mrr_movements_rows using (label)
group by grouping sets ((label), (label, segment)) having grouping(segment) = 1 or count(account_id) > 0
union all by name
select label, segment_by, segment, mrr_expansion, n as n_expansion from expansion_by_source;

-- expansion_by_source: the expansion of each period by source, every source named.
create view expansion_by_source as
select label, 'source' as segment_by, segment, coalesce(sum(change) filter (source = segment), 0) as mrr_expansion,
  count(distinct account_id) filter (source = segment) as n
from period cross join (values ('upsell'), ('cross_sell'), ('new_product')) as source(segment)
left join expansion_source using (label)
group by label, segment;

-- passing: the versions that count and are in force on some day of the period, but neither on its eve nor on its last day,
-- of accounts that stand in no movement.
create table passing as
with unseen as (
  select period.label, measured_on, coalesce(paid_for.account_id, paying.customer_id) as account_id, registered.segment, start_on,
    ends, currency, amount
  from period
  join paying on known_day between known_from and known_until and start_on > opening_day and ends <= measured_on
  left join paid_for on paid_for.label = period.label and paid_for.customer_id = paying.customer_id
  left join registered on registered.account_id = coalesce(paid_for.account_id, paying.customer_id)
    and known_day between registered.known_from and registered.known_until
)
select label, account_id, segment, start_on, ends, unseen.currency, cast(amount * rate as decimal(38, 9)) as mrr
from unseen
anti join moved using (label, account_id)
left join rate on rate.currency = unseen.currency and measured_on between valid_from and valid_until;

-- passed_through: the accounts that came and went between two snapshots, and so stand in no movement.
create table passed_through as
with by_day as (
  select day.label, day.account_id, day.segment, sum(held.mrr) as mrr, min(held.start_on) as came_on, max(held.ends) as left_on
  from (select distinct label, account_id, segment, start_on as day from passing) as day
  join passing as held on held.label = day.label and held.account_id = day.account_id
    and held.start_on <= day.day and held.ends > day.day
  group by day.label, day.account_id, day.segment, day.day
)
select label, account_id, segment, min(came_on) as came_on, max(left_on) as left_on, max(mrr) as mrr
from by_day group by all;

-- arr (K21): twelve times the MRR on the last day of the period, and of the customers new in it.
create view arr as
select label, '' as segment_by, '' as segment,
  12 * coalesce(sum(closing), 0) as arr, count(*) filter (closing <> 0) as n_arr,
  12 * coalesce(sum(new), 0) as new_arr, count(*) filter (new <> 0) as n_new_arr,
  coalesce(any_value(short_term), 0) / nullif(sum(closing), 0) as short_term_share
from period left join arr_rows using (label)
left join (
  select label, sum(customer_mrr.short_term) as short_term from customer_mrr join period using (label) where day = measured_on
  group by label
) using (label)
group by label;

-- arr_rows: each account with its closing MRR, and its MRR where it is new in the period.
create view arr_rows as
select label, account_id, segment, closing, new from moved where closing <> 0 or new <> 0;

-- horizon: the days from which customers are followed to the end of each period of the review's own kind: that from which
-- retention_months end with it (year), and its eve (period). Of other periods no figure follows customers.
create view horizon as
with own as (
  select label, measured_on, opening_day, retention_months
  from period join (select kind, retention_months from period join rules on label = review_label) using (kind)
)
select label, 'year' as horizon, cast(measured_on + 1 - to_months(cast(retention_months as integer)) as date) - 1 as since
from own
union all
select label, 'period', opening_day from own;

-- last_reason: the reason of each account's line that ended last since then.
create view last_reason as
select label, horizon, account_id, arg_max(reason, ends) as reason
from paid join period using (label) join horizon using (label)
where reason is not null and ends > since and ends <= measured_on
group by all;

-- cohort_mrr: what each account paid on the day `since`, at the rate of that day. The eve of a period is one of its
-- snapshot days, of which customer_mrr tells it.
create view cohort_mrr as
select label, horizon, since, account_id, segment, mrr
from customer_mrr join horizon using (label) where horizon = 'period' and day = since
union all
select label, horizon, since, coalesce(paid_for.account_id, in_force.customer_id), registered.segment, sum(mrr)
from (
  select label, known_day, horizon, since, customer_id, cast(amount * rate as decimal(38, 9)) as mrr
  from horizon join period using (label)
  join paying on start_on <= since and ends > since and known_day between known_from and known_until
  left join rate on rate.currency = paying.currency and since between valid_from and valid_until
  where horizon = 'year'
) as in_force
left join paid_for using (label, customer_id)
left join registered on registered.account_id = coalesce(paid_for.account_id, in_force.customer_id)
  and known_day between registered.known_from and registered.known_until
group by all;

-- followed_account: each account that paid on the day `since`, with its MRR before (on that day) and after (at the end of the
-- period), and the reason of its line that ended last since then.
create table followed_account as
select cohort_mrr.label, horizon, since, account_id, cohort_mrr.segment, cohort_mrr.mrr as before,
  coalesce(mrr_rows.mrr, 0) as after, coalesce(reason, '(none)') as reason
from cohort_mrr
left join mrr_rows using (label, account_id)
left join last_reason using (label, horizon, account_id);

-- cohort: the same with what each account keeps (what it pays now, at most what it paid then) and what is lost.
create view cohort as
select *, least(before, after) as kept, before - kept as lost from followed_account;

-- retention_rows: each account of the cohorts.
create view retention_rows as
select label, horizon, since, account_id, segment, before, after, kept from cohort;

-- retention (K23): what the customers of a cohort pay today (nrr), and for each at most what it paid then (grr), of what
-- they paid then. after_apart and kept_apart are the sums of squares of how far each customer is from these shares, of
-- which the intervals of many customers are made; fsum gives them whatever the order of the rows.
create table retention as
select label, horizon, since, case when grouping(segment) = 0 then 'segment' else '' end as segment_by, segment,
  sum(after) / sum(before) as nrr,
  sum(kept) / sum(before) as grr,
  coalesce(sum(after), 0) as after, coalesce(sum(kept), 0) as kept, coalesce(sum(before), 0) as before,
  count(account_id) as n, count(*) < 30 or max(before) > 0.2 * sum(before) as is_dominated_by_few,
  fsum(after::double * after) - 2 * nrr * fsum(after::double * before) + nrr * nrr * fsum(before::double * before) as after_apart,
  fsum(kept::double * kept) - 2 * grr * fsum(kept::double * before) + grr * grr * fsum(before::double * before) as kept_apart
from horizon left join cohort using (label, horizon, since)
group by grouping sets ((label, horizon, since), (label, horizon, since, segment))
having grouping(segment) = 1 or count(account_id) > 0;

-- sampled: the accounts of the segments of cohorts that have at most 2,000: those that intervals draw from. A cohort of at
-- most 2,000 has no other segments.
create view sampled as
select cohort.* from cohort
semi join retention on retention.label = cohort.label and retention.horizon = cohort.horizon
  and segment_by = 'segment' and retention.segment is not distinct from cohort.segment and n <= 2000;

-- churn_rows: each account of the cohorts that pays less than then, or nothing, with the reason.
create view churn_rows as
select label, horizon, since, account_id, segment, before, after, lost, reason from cohort where lost > 0;

-- churn (K24): of the customers of a cohort the share that no longer pays (logo_churn), and of their MRR the share that
-- was lost (revenue_churn); by reason as parts of the same whole.
create view churn as
with whole as (
  select label, horizon, since, n, before, is_dominated_by_few from retention where segment_by = ''
),
part as (
  select label, horizon, case when grouping(reason) = 0 then 'reason' else '' end as segment_by, reason as segment,
    count(*) filter (after = 0) as gone, sum(lost) as lost
  from churn_rows group by grouping sets ((label, horizon), (label, horizon, reason))
)
select label, horizon, since, coalesce(segment_by, '') as segment_by, segment,
  coalesce(gone, 0) / nullif(n, 0) as logo_churn, coalesce(lost, 0) / nullif(before, 0) as revenue_churn,
  coalesce(gone, 0) as gone, coalesce(lost, 0) as lost, n, before, is_dominated_by_few
from whole left join part using (label, horizon);

-- came_due: each paid line whose renewal day fell in the period, with the ARR of the version that came due. It is
-- renewed if the line is paid on some day from due_on to grace_days later; is_pending, if that day may still come.
create table came_due as
with due_line as (
  select period.*, subscription_id, line_id, max(renewal_on) as due_on
  from period
  join (from paying where renewal_on is not null) on renewal_on >= starts_on and renewal_on < flow_ends_on
    and known_day between known_from and known_until
  group by all
),
due as (
  select due_line.*, paying.* exclude (subscription_id, line_id), grace_days,
    coalesce(account_id, paying.customer_id) as account_id,
    coalesce(renewal_on >= starts_on and renewal_on < flow_ends_on, false) as is_due
  from due_line
  join paying on paying.subscription_id = due_line.subscription_id
    and paying.line_id is not distinct from due_line.line_id and known_day between known_from and known_until
  left join account on account.label = due_line.label and account.customer_id = paying.customer_id
  cross join rules
)
select label, subscription_id, line_id, arg_max(account_id, start_on) as account_id,
  any_value(due_on) as due_on, arg_max(due.currency, start_on) filter (is_due) as currency,
  case when bool_and(rate.rate is not null) then 12 * arg_max(amount * rate, start_on) filter (is_due) end as arr,
  bool_or(start_on - due_on <= grace_days and ends > due_on) as is_renewed,
  not is_renewed and any_value(due_on) + any_value(grace_days) > any_value(known_day) as is_pending
from due
left join rate on rate.currency = due.currency and measured_on between valid_from and valid_until
group by label, subscription_id, line_id;

-- coming_due: each line in force on the last day of the period that is up for renewal in the 180 days after it.
create table coming_due as
select label, account_id, subscription_id, line_id, product, plan, renewal_on,
  renewal_on - measured_on as days_left, cast(12 * cast(amount * rate as decimal(38, 9)) as double) as arr, cancelled_on
from paid join period using (label)
left join rate on rate.currency = paid.currency and measured_on between valid_from and valid_until
where renewal_on is not null
  and start_on <= measured_on and ends > measured_on and renewal_on > measured_on and renewal_on <= measured_on + 180;

-- renewals_rows: each paid line whose renewal day fell in the period, and whether it was renewed.
create view renewals_rows as
from came_due;

-- renewals (K24): of the lines that came due the share that is renewed, by count and by ARR; the ARR due in the next 90
-- and 180 days; and the share of MRR of the ten largest customers.
create view renewals as
with due as (
  select label, count(*) filter (not is_pending) as lines, count(*) filter (is_renewed) as renewed,
    sum(arr) filter (not is_pending) as arr, coalesce(sum(arr) filter (is_renewed), 0) as arr_renewed,
    count(*) filter (is_pending) as pending
  from came_due group by label
),
next as (
  select label, sum(arr) filter (days_left <= 90) as arr_90, count(*) filter (days_left <= 90) as n_90,
    sum(arr) as arr_180, count(*) as n_180
  from coming_due group by label
),
largest as (
  select label, list_sum(max(mrr, 10)) as top10, sum(mrr) as mrr, count(*) as n from mrr_rows group by label
)
select label, renewed / nullif(lines, 0) as renewal_rate, arr_renewed / nullif(arr, 0) as renewal_rate_arr,
  coalesce(arr_90, 0) as arr_due_90, coalesce(arr_180, 0) as arr_due_180, top10 / nullif(mrr, 0) as top10_share,
  coalesce(lines, 0) as lines, coalesce(renewed, 0) as renewed, coalesce(arr, 0) as arr,
  coalesce(arr_renewed, 0) as arr_renewed, coalesce(pending, 0) as pending,
  coalesce(n_90, 0) as n_90, coalesce(n_180, 0) as n_180,
  coalesce(top10, 0) as top10, coalesce(mrr, 0) as mrr, coalesce(n, 0) as customers
from period left join due using (label) left join next using (label) left join largest using (label);

-- quick_ratio_rows: each account that moved in the period.
create view quick_ratio_rows as
from mrr_movements_rows where net <> 0;

-- quick_ratio (K25): the MRR gained for each unit that was lost, over the movements of the period.
create view quick_ratio as
select label, coalesce(sum(new + reactivation + expansion), 0) as gained, coalesce(-sum(contraction + churn), 0) as lost,
  sum(new + reactivation + expansion) / nullif(-sum(contraction + churn), 0) as quick_ratio, count(account_id) as n
from period left join mrr_movements_rows using (label)
group by label;

-- life: each account that ever paid by the end of the period: its first day (`since`), its last end (`until`, after the
-- period where it still pays), and the days between them, or to the end of the period.
create view life as
select label, account_id, min(start_on) as since, max(ends) as until,
  least(max(ends), measured_on + 1) - min(start_on) as tenure
from paid join period using (label) where start_on <= measured_on
group by label, account_id, measured_on;

-- lost_or_stayed: each account that churned in the period and does not pay on its last day (Lost), or that paid at its start
-- and at its end (Stayed). mrr_lost is what left with it, as in the movements; mrr_at_start what it paid at the start of the
-- period, or when it came, if that was later; `until` is its last end, or the day after the period.
create view lost_or_stayed as
select label, account_id, since, tenure,
  case when closing = 0 then 'Lost' else 'Stayed' end as "group",
  case when closing = 0 then until else measured_on + 1 end as until,
  -churn as mrr_lost, case when opening > 0 then opening else new + reactivation end as mrr_at_start,
  coalesce(reason, '(none)') as reason
from moved join period using (label) join life using (label, account_id)
left join (select label, account_id, reason from last_reason where horizon = 'period') using (label, account_id)
where closing = 0 and churn < 0 or closing > 0 and opening > 0;

-- last_use: how each of these accounts used the product before its day `until`: its last day of activity, in how many of
-- the seven weeks before anybody was active, its tickets of the 91 days before, and how long it took to first value.
create view last_use as
with whose as (
  select label, account_id, customer_id, until, known_day
  from lost_or_stayed join period using (label) join account using (label, account_id)
  union all
  select label, lost_or_stayed.account_id, lost_or_stayed.account_id, until, known_day
  from lost_or_stayed join period using (label)
  anti join account on account.label = lost_or_stayed.label and account.customer_id = lost_or_stayed.account_id
),
active as (
  select label, account_id, max(active_on) as last_active_on,
    count(distinct (until - active_on - 1) // 7) filter (until - active_on <= 49) as weeks
  from whose join customer_day using (customer_id)
  where active_on < until and known_day between known_from and known_until
  group by all
),
ticketed as (
  select label, account_id, count(*) as tickets
  from whose join tickets using (customer_id)
  where not coalesce(is_spam, false) and merged_into is null and known_day between known_from and known_until
    and local_day(created_at) between until - 91 and until - 1
  group by all
)
select label, account_id, last_active_on, coalesce(weeks, 0) as weeks, coalesce(tickets, 0) as tickets,
  first_value_on - start_on as days_to_value
from lost_or_stayed
left join active using (label, account_id)
left join ticketed using (label, account_id)
left join first_days using (label, account_id);

-- lost_customers: those lost in the period, with how they used the product before.
create view lost_customers as
select label, account_id as customer_id, coalesce(customer, account_id) as customer, segment, owner, mrr_lost as mrr, since,
  until, tenure, reason, days_to_value, last_active_on, weeks, tickets
from lost_or_stayed join last_use using (label, account_id) left join named_account using (label, account_id)
where "group" = 'Lost';

-- lost_and_stayed: the two groups beside each other.
create view lost_and_stayed as
select label, "group", count(*) as customers, median(cast(mrr_at_start as double)) as mrr, median(tenure) as tenure,
  median(days_to_value) as days_to_value, avg(weeks) as weeks, avg(tickets) as tickets
from lost_or_stayed join last_use using (label, account_id) group by all;

-- churn_reasons: why customers were lost in the period, and what left with them.
create view churn_reasons as
select label, reason, count(*) as customers, sum(mrr_lost) as mrr,
  sum(mrr_lost) / sum(sum(mrr_lost)) over (partition by label) as share
from lost_or_stayed where "group" = 'Lost' group by label, reason;

-- came_back: how many accounts churned in the period and pay again on its last day: their MRR is in churn MRR too.
create view came_back as
select label, count(*) as customers from moved where churn < 0 and closing > 0 group by label;

-- top_movers: each account whose MRR changed from the start to the end of the period, and what most of the change is.
create view top_movers as
select label, account_id as customer_id, coalesce(customer, account_id) as customer, named_account.segment, owner, opening,
  closing, closing - opening as change, case
    when opening = 0 and new > 0 then 'new' when opening = 0 then 'reactivation' when closing = 0 then 'churn'
    when abs(fx) > abs(closing - opening - fx) then 'currency effect'
    when closing < opening then 'contraction' else 'expansion' end as movement
from moved left join named_account using (label, account_id) where closing <> opening;

-- intra_period_customers: the accounts that came and went between two snapshots.
create view intra_period_customers as
select label, account_id as customer_id, coalesce(customer, account_id) as customer, named_account.segment, owner, mrr, came_on,
  left_on
from passed_through left join named_account using (label, account_id);

-- renewals_due: the lines up for renewal in the 180 days after the period; those of the first 90 are not `later`.
create view renewals_due as
select label, account_id as customer_id, coalesce(customer, account_id) as customer, segment, owner, renewal_on, days_left, arr,
  product, cancelled_on, subscription_id, line_id, days_left > 90 as later
from coming_due left join named_account using (label, account_id);

-- stock_notes, movement_notes, cohort_notes, renewal_notes: what figures of the last day, of movements, of cohorts and of
-- renewals tell. They are refused where a currency that counts on one of their days has no rate.
create table stock_notes as
from subscription_notes
union all
select label, 'refused', 'no rate for ' || string_agg(distinct currency, ', ' order by currency) || '; add it to fx_rates', null
from missing_rate join period using (label) where day = measured_on group by label;

create table movement_notes as
from subscription_notes
union all
select label, 'refused', 'no rate for ' || string_agg(distinct currency, ', ' order by currency) || '; add it to fx_rates', null
from (
  select missing_rate.label, currency from missing_rate join period using (label) where day >= opening_day
  union all
  select label, currency from passing where mrr is null
)
group by label;

create table cohort_notes as
from subscription_notes
union all
select label, 'refused', 'no rate for ' || string_agg(distinct currency, ', ' order by currency) || '; add it to fx_rates', null
from (
  select missing_rate.label, currency from missing_rate join period using (label) where day = measured_on
  union all
  select label, coalesce(used_currency.currency, 'an amount without a currency')
  from horizon join used_currency using (label)
  left join rate on rate.currency = used_currency.currency and since between valid_from and valid_until
  where since >= first_day and since < end_day and rate.rate is null
)
group by label;

create table renewal_notes as
from stock_notes
union all
select label, 'refused', 'no rate for ' || string_agg(distinct currency, ', ' order by currency) || '; add it to fx_rates', null
from came_due where arr is null group by label;

-- learnt_later: the customers of whom another amount is known to have been paid on the eve of a period than was known when the
-- period before was told, as where a cancellation is recorded after the service ended.
create view learnt_later as
select label, opening_day, previous_known_day, customer_id
from (from paying where known_from > start_on or known_until < date '9999-12-31')
join period on start_on <= opening_day and ends > opening_day and opening_day <= previous_known_day
group by all
having coalesce(sum(amount) filter (known_day between known_from and known_until), 0)
  <> coalesce(sum(amount) filter (previous_known_day between known_from and known_until), 0);

-- opening_notes: the notes of movements, and how many customers' movements are in no period, since they were learnt later.
create view opening_notes as
from movement_notes
union all
select label, 'warning', 'customers of whom it was learnt after ' || previous_known_day || ' what they paid on ' || opening_day
  || ': ' || count(*) || '; the difference is in the opening MRR, and in no movement', null
from learnt_later group by label, previous_known_day, opening_day;
