-- What pages print of these queries, in English, and say in the language of the pack:
-- message: estimate_sla_hours tells {types}, but not {name}; add the hours for it under themes: customer_performance
-- message: on time
-- message: late
-- message: unanswered
-- message: pending
-- message: (none)
-- message: deals: {reason}
-- message: no options_offered
-- message: fewer than two options
-- message: won without option_chosen
-- message: no default_option
-- message: measurements: no customer_id, so the company's own
-- message: measurements: no object_id
-- message: items: not yet {days} days old
-- message: spam
-- message: merged into another
-- message: created by an agent
-- message: no public_agent_replies
-- message: closed without a reply
-- message: no reopens
-- message: not yet {days} days old
-- message: not delivered
-- message: an amount without a currency
-- message: no rate for {reason}; add it to fx_rates
-- message: invoices: a credit that names no line
-- message: invoices: no due_on
-- message: measurements: delivered value without a customer
-- message: measurements: delivered value that the customer has not confirmed
-- message: customers: value confirmed, and no net revenue
-- message: confirmed
-- message: not confirmed
-- message: invoiced
-- message: served

-- turbo_estimate (C01): of the requests for a price made in each period, how many got their estimate within the hours that
-- were promised; in all and by segment. Judged are those that were answered, or have waited longer than promised.
create view turbo_estimate as
with counted as (
  select label, case when grouping(segment) = 0 then 'segment' else '' end as segment_by, coalesce(segment, '') as segment,
    count(*) filter (state = 'on time') as on_time, count(*) filter (state in ('on time', 'late', 'unanswered')) as judged,
    count(*) filter (state = 'unanswered') as unanswered, count(*) filter (state = 'pending') as pending,
    count(*) filter (state = 'withdrawn') as withdrawn,
    count(*) filter (state = 'closed before the request') as closed_before
  from period left join turbo_estimate_rows using (label)
  group by grouping sets ((label), (label, segment)) having grouping(segment) = 1 or count(deal_id) > 0
)
select *, on_time / nullif(judged, 0) as turbo_estimate from counted;

-- turbo_estimate_rows: each request for a price made in a period, with the hours until its estimate was sent, or that it
-- has waited so far, or had when its deal was closed. `unanswered` is past its promise without an estimate, `pending` is
-- still within it, `withdrawn` was closed within it. promised_hours are those of the segment.
create table turbo_estimate_rows as
with request as (
  select period.label, deal_id, known_deal.customer_id, coalesce(account.segment, '(none)') as segment, owner,
    requested_on, estimate_sent_at is not null as is_sent,
    coalesce(cast(estimate_sla_hours as double), cast(estimate_sla_hours_by[coalesce(account.segment, '(none)')] as double))
      as promised_hours,
    closed_at is not null as is_closed,
    (epoch(coalesce(estimate_sent_at, closed_at, known_at)) - epoch(estimate_requested_at)) / 3600 as hours
  from period cross join rules
  join known_deal on known_deal.label = period.label and requested_on between starts_on and measured_on
  left join account on account.label = period.label and account.customer_id = known_deal.customer_id
)
select *, case
    when is_sent then case when hours <= promised_hours then 'on time' else 'late' end
    when hours < 0 then 'closed before the request'
    when hours > promised_hours then 'unanswered'
    when is_closed then 'withdrawn'
    else 'pending' end as state
from request;

-- turbo_estimate_notes: why a period is refused: the hours are promised by segment, and one that asked has none.
create view turbo_estimate_notes as
select label, 'refused' as kind, 'estimate_sla_hours tells ' || array_to_string(list_sort(map_keys(any_value(estimate_sla_hours_by))), ', ')
  || ', but not ' || min(segment) || '; add the hours for it under themes: customer_performance' as text, null as rows
from turbo_estimate_rows cross join rules where promised_hours is null group by label;

-- flexible_options (C02): of the deals decided in each period that were offered two options or more, how many took another
-- than the default; and the median of the options that decided deals were offered.
create view flexible_options as
select label, '' as segment_by, '' as segment,
  count(*) filter (state in ('another', 'the default', 'none')) as judged, count(*) filter (state = 'another') as took_another,
  count(*) filter (state in ('another', 'the default')) as took_any, median(options_offered) as offered,
  count(options_offered) as proposals, took_another / nullif(judged, 0) as flexible_options
from period left join flexible_options_rows using (label)
group by label;

-- flexible_options_rows: each deal won or lost in a period, with the options that it was offered and what it took of them:
-- another than the default, the default, or none; or why it says nothing of that.
create table flexible_options_rows as
select label, deal_id, customer_id, outcome, options_offered, nullif(option_chosen, '') as chosen,
  nullif(default_option, '') as default_option, case
    when options_offered is null then 'no options_offered'
    when options_offered < 2 then 'fewer than two options'
    when chosen is null then case when outcome = 'won' then 'won without option_chosen' else 'none' end
    when nullif(default_option, '') is null then 'no default_option'
    when chosen <> default_option then 'another'
    else 'the default' end as state
from period join known_deal using (label)
where outcome in ('won', 'lost') and closed_on between starts_on and measured_on;

-- flexible_options_notes: the decided deals that are in no share, by the reason.
create view flexible_options_notes as
select label, 'left out' as kind, 'deals: ' || state as text, count(*) as rows
from flexible_options_rows where state not in ('another', 'the default', 'none') group by all;

-- options_by_count: the deals decided in a period by how many options they were offered.
create view options_by_count as
select label, options_offered, count(*) as deals, count(*) filter (outcome = 'won') as won,
  count(*) filter (state = 'another') as took_another, count(*) filter (state in ('another', 'the default')) as took_any
from flexible_options_rows where options_offered is not null group by all;

-- content_reading: each count of what an item of content gained, as known in each period, with the customer that it was
-- gained for. One that names no customer or no item is in no figure.
create table content_reading as
select label, customer_id, object_id, metric, day, value
from period
join (
  select *, local_day("at") as day from measurements where metric in ('followers', 'likes', 'shares', 'views')
) on known_day between known_from and known_until;

-- content_appreciation (C03): of the items published in each period that are content_window_days old, how many followers
-- their customers gained by one, and how many likes and shares came of 1,000 views.
create view content_appreciation as
select label, '' as segment_by, '' as segment, count(*) filter (not is_young) as items,
  count(*) filter (not is_young and followers is null) as without_followers,
  count(*) filter (not is_young and views is null) as without_views,
  coalesce(sum(followers) filter (not is_young), 0) as followers,
  coalesce(sum(likes + shares) filter (not is_young and views is not null), 0) as reactions,
  coalesce(sum(views) filter (not is_young), 0) as views,
  count(*) filter (not is_young and views is not null) as viewed,
  count(*) filter (is_young) as young,
  coalesce(sum(followers) filter (not is_young), 0) / nullif(items, 0) as content_appreciation,
  1000 * sum(likes + shares) filter (not is_young and views is not null) / nullif(sum(views) filter (not is_young), 0)
    as content_reactions_per_1000
from period left join content_appreciation_rows using (label)
group by label;

-- content_appreciation_rows: each item of a customer published in a period, which is the day of its first count, with what
-- it gained in content_window_days from then on; one that is younger than that (is_young) with what it gained so far.
create table content_appreciation_rows as
with item as (
  select label, object_id, min(customer_id) as customer_id, min(day) as published_on
  from content_reading where customer_id is not null and object_id is not null group by all
)
select label, object_id, item.customer_id, published_on,
  published_on + cast(content_window_days as integer) > any_value(known_day) + 1 as is_young,
  sum(value) filter (metric = 'followers') as followers, coalesce(sum(value) filter (metric = 'likes'), 0) as likes,
  coalesce(sum(value) filter (metric = 'shares'), 0) as shares, sum(value) filter (metric = 'views') as views
from period cross join rules
join item using (label)
join content_reading using (label, object_id)
where content_reading.customer_id is not null and published_on between starts_on and measured_on
  and day < published_on + cast(content_window_days as integer)
group by label, object_id, item.customer_id, published_on, content_window_days;

-- content_metric: what is ever counted of the content of customers, as known in each period.
create view content_metric as
select distinct label, metric from content_reading where customer_id is not null and object_id is not null;

-- content_appreciation_notes: the counts and items of a period that are in no figure. Followers that accrue to no customer
-- are those of the company itself: a KPI of the company, and none of its performance for customers.
create view content_appreciation_notes as
select label, 'left out' as kind, case when customer_id is null then 'measurements: no customer_id, so the company''s own'
    else 'measurements: no object_id' end as text, count(*) as rows
from period join content_reading using (label)
where (customer_id is null or object_id is null) and day between starts_on and measured_on group by all
union all
select label, 'left out', 'items: not yet ' || content_window_days || ' days old', young
from content_appreciation cross join rules where young > 0;

-- known_ticket: each ticket as known in each period, with the account of its customer and its local days.
create table known_ticket as
with ticket as (
  select *, local_day(created_at) as created_on, local_day(solved_at) as solved_on from tickets
)
select period.label, ticket_id, coalesce(account_id, ticket.customer_id) as account_id, nullif(topic, '') as topic,
  created_at, created_on, solved_at, solved_on, public_agent_replies, reopens, csat, created_by,
  coalesce(is_spam, false) as is_spam, nullif(merged_into, '') is not null as is_merged
from period
join ticket on known_day between known_from and known_until
left join account on account.label = period.label and account.customer_id = ticket.customer_id;

-- first_contact_resolution (C04): of the questions solved in each period that could be settled with one answer, how many
-- were; in all and by topic. And two figures of tools that go by this name and are not it, over other tickets: Zendesk's,
-- of the tickets solved, and Fivetran's, of the tickets opened, both without spam and merged ones.
create view first_contact_resolution as
with settled as (
  select label, case when grouping(topic) = 0 then 'topic' else '' end as segment_by, coalesce(topic, '') as segment,
    count(*) filter (is_eligible) as eligible, count(*) filter (state = 'resolved') as resolved,
    count(*) filter (is_eligible and topic = '(none)') as without_topic,
    count(*) filter (is_eligible and created_by is null) as without_creator
  from period left join first_contact_resolution_rows using (label)
  group by grouping sets ((label), (label, topic)) having grouping(topic) = 1 or eligible > 0
),
touched as (
  select label, '' as segment_by, count(*) filter (is_solved and is_counted) as solved,
    count(*) filter (is_solved and is_counted and public_agent_replies < 2) as below_two,
    count(*) filter (is_solved and not is_counted) as solved_aside, count(*) filter (is_opened and is_counted) as opened,
    count(*) filter (is_opened and is_counted and public_agent_replies = 1) as exactly_one,
    count(*) filter (is_opened and not is_counted) as opened_aside
  from period left join (
    select known_ticket.*, solved_on between starts_on and measured_on as is_solved,
      created_on between starts_on and measured_on as is_opened,
      not is_spam and not is_merged and public_agent_replies is not null as is_counted
    from known_ticket join period using (label)
  ) as ticket using (label)
  group by label
)
select *, resolved / nullif(eligible, 0) as first_contact_resolution, below_two / nullif(solved, 0) as one_touch_zendesk,
  exactly_one / nullif(opened, 0) as one_touch_fivetran
from settled left join touched using (label, segment_by);

-- first_contact_resolution_rows: each ticket solved in a period, with what came of it, or why it is not asked for. A repeat
-- is another ticket of the customer, spam apart, created within repeat_window_days after this one was solved, on the same
-- topic, or on any where one of the two tells none.
create table first_contact_resolution_rows as
with solved as (
  select known_ticket.*, known_day, repeat_window_days,
    solved_on + cast(repeat_window_days as integer) > known_day as is_young
  from known_ticket join period using (label) cross join rules
  where solved_on between starts_on and measured_on
),
repeated as (
  select distinct solved.label, solved.ticket_id
  from solved
  join known_ticket as later on later.label = solved.label and later.account_id = solved.account_id
    and later.created_at > solved.solved_at and later.created_on <= solved.solved_on + cast(repeat_window_days as integer)
    and later.ticket_id <> solved.ticket_id
  where not later.is_spam and coalesce(later.topic = solved.topic, true)
)
select solved.label, solved.ticket_id, account_id, coalesce(topic, '(none)') as topic, created_by, created_on, solved_on, public_agent_replies,
  case when is_spam then 'spam'
    when is_merged then 'merged into another'
    when created_by = 'agent' then 'created by an agent'
    when public_agent_replies is null then 'no public_agent_replies'
    when public_agent_replies = 0 then 'closed without a reply'
    when reopens is null then 'no reopens'
    when is_young then 'not yet ' || repeat_window_days || ' days old'
    when public_agent_replies > 1 then 'more than one reply'
    when reopens > 0 then 'reopened'
    when repeated.ticket_id is not null then 'asked again'
    when csat = 'bad' then 'rated bad'
    else 'resolved' end as state,
  state in ('resolved', 'more than one reply', 'reopened', 'asked again', 'rated bad') as is_eligible
from solved left join repeated using (label, ticket_id);

-- tickets_not_asked_for: the solved tickets of which it cannot be said, by the reason; in all and by topic.
create view tickets_not_asked_for as
select label, coalesce(topic, '') as segment, state, count(*) as tickets
from first_contact_resolution_rows where not is_eligible
group by grouping sets ((label, state), (label, state, topic));

-- topics_of_tickets: what came of the questions that could be settled with one answer, by topic.
create view topics_of_tickets as
select label, topic, count(*) as eligible, count(*) filter (state = 'resolved') as resolved,
  count(*) filter (state = 'more than one reply') as more_replies, count(*) filter (state = 'reopened') as reopened,
  count(*) filter (state = 'asked again') as asked_again, count(*) filter (state = 'rated bad') as rated_bad
from first_contact_resolution_rows where is_eligible group by all;

-- sprint_on_time (C05): of the commitments due in each period, how many were delivered by the day first promised, and how
-- many of them in full.
create view sprint_on_time as
select label, '' as segment_by, '' as segment, count(*) filter (is_due) as due,
  count(*) filter (state = 'on time') as on_time, count(*) filter (is_in_full) as in_full,
  count(*) filter (is_due and is_in_full is null) as without_scope, count(*) filter (state = 'not yet due') as not_yet_due,
  count(*) filter (is_due and recommitted_on is not null) as slipped, on_time / nullif(due, 0) as sprint_on_time,
  in_full / nullif(due - without_scope, 0) as sprint_on_time_in_full
from period left join sprint_on_time_rows using (label)
group by label;

-- sprint_on_time_rows: each commitment whose first promise lies in a period: whether it was delivered by then and, of those
-- that were, in full (null where its scope is not told). `days` is how late it was, or is so far; below 0 is early.
create view sprint_on_time_rows as
select label, delivery_id, customer_id, committed_on, delivered_on, recommitted_on, scope_committed, scope_delivered,
  coalesce(delivered_on, known_day) - committed_on as days,
  case when committed_on > measured_on then 'not yet due'
    when delivered_on <= committed_on then 'on time'
    when delivered_on is not null then 'late'
    else 'not delivered' end as state,
  state <> 'not yet due' as is_due,
  case when state = 'on time' then scope_delivered >= scope_committed when is_due then false end as is_in_full
from period
join deliveries on known_day between known_from and known_until
where committed_on >= starts_on and committed_on < ends_on;

-- receivables_overdue (C05): of what was invoiced and reached its 30th day after it was due in each period, how much was not
-- paid by then.
create view receivables_overdue as
select label, '' as segment_by, '' as segment, count(invoice_line_id) as lines,
  coalesce(sum(amount), 0) as invoiced, coalesce(sum(amount) filter (is_overdue), 0) as overdue,
  string_agg(distinct coalesce(currency, 'an amount without a currency'), ', ' order by coalesce(currency, 'an amount without a currency'))
    filter (is_unrated) as unrated,
  overdue / nullif(invoiced, 0) as receivables_overdue
from period left join receivables_overdue_rows using (label)
group by label;

-- receivables_overdue_rows: each invoice line that reached its 30th day after it was due in a period, tax included since it is
-- owed too, less the credits that name it and were there by then; in the review's currency.
create table receivables_overdue_rows as
with credit as (
  select label, corrects as invoice_line_id, invoiced_on, amount
  from period join invoices on known_day between known_from and known_until
  where amount < 0 and corrects is not null
),
line as (
  select period.label, invoice_line_id, customer_id, invoices.invoiced_on, due_on, paid_on, currency, measured_on,
    amount + coalesce((select sum(credit.amount) from credit where credit.label = period.label
      and credit.invoice_line_id = invoices.invoice_line_id and credit.invoiced_on <= due_on + 30), 0) as own_amount
  from period join invoices on known_day between known_from and known_until
  where amount > 0 and due_on + 30 between starts_on and measured_on
)
select line.label, invoice_line_id, coalesce(account_id, line.customer_id) as account_id, line.customer_id, invoiced_on, due_on,
  paid_on, line.currency, own_amount * rate as amount, rate.rate is null as is_unrated,
  coalesce(paid_on > due_on + 30, true) as is_overdue
from line
left join account on account.label = line.label and account.customer_id = line.customer_id
left join rate on rate.currency = line.currency and measured_on between valid_from and valid_until
where own_amount > 0;

-- receivables_overdue_notes: lines that do not say when they were due, and credits that name no line, made in the period.
create view receivables_overdue_notes as
select label, 'left out' as kind, case when amount < 0 then 'invoices: a credit that names no line' else 'invoices: no due_on' end
  as text, count(*) as rows
from period join invoices on known_day between known_from and known_until
where invoiced_on between starts_on and measured_on and ((amount < 0 and corrects is null) or (amount > 0 and due_on is null))
group by all;

-- serving_month: the months of each period that are over; a month belongs to the quarter that holds its middle.
create view serving_month as
select label, month, starts_on, last_day
from (
  select label, starts_on, over_on - 1 as last_day, over_on,
    cast(unnest(generate_series(date_trunc('month', starts_on), over_on, interval 1 month)) as date) as month
  from (
    select label, starts_on,
      case when is_partial then greatest(starts_on, cast(date_trunc('month', known_day + 1) as date)) else ends_on end as over_on
    from period
  )
)
where month + 14 >= starts_on and month + 14 < over_on;

-- support_cost_per_customer_rows: what support spent in each month of a period that is over, in the review's currency.
create view support_cost_per_customer_rows as
select serving_month.label, serving_month.month, category, vendor, spend.currency,
  cast(amount * rate as decimal(38, 9)) as amount, rate.rate is null as is_unrated
from serving_month
join period using (label)
join spend on spend.month = serving_month.month and spend.department = 'support' and known_day between known_from and known_until
left join rate on rate.currency = spend.currency and last_day between valid_from and valid_until;

-- support_cost_per_customer (C05): what support spent in the months of each period that are over, by the customers that paid
-- on any day of them. `missing` are the months without any spend of support.
create view support_cost_per_customer as
with served as (
  select span.label, count(distinct account_id) as customers
  from (select label, any_value(starts_on) as starts_on, any_value(last_day) as last_day from serving_month group by label) as span
  join paid on paid.label = span.label and start_on <= last_day and ends > starts_on
  group by span.label
),
spent as (
  select label, coalesce(cast(sum(amount) as double), 0) as spent,
    string_agg(distinct coalesce(currency, 'an amount without a currency'), ', ' order by coalesce(currency, 'an amount without a currency'))
      filter (is_unrated) as unrated
  from support_cost_per_customer_rows group by label
),
lacking as (
  select label, count(*) as months, string_agg(strftime(month, '%Y-%m'), ', ' order by month)
    filter ((label, month) not in (select (label, month) from support_cost_per_customer_rows)) as missing
  from serving_month group by label
)
select label, '' as segment_by, '' as segment, coalesce(customers, 0) as customers, coalesce(spent, 0) as spent, unrated,
  coalesce(months, 0) as months, missing, spent / nullif(customers, 0) as support_cost_per_customer
from period left join served using (label) left join spent using (label) left join lacking using (label);

-- valued_period: the periods of the review's own kind, which alone tell what was delivered to date.
create view valued_period as
select period.* from period cross join rules join period as review on review.label = review_label and review.kind = period.kind;

-- value_entry: each statement of what a customer's work with the product was worth to it, up to the end of each period; it is
-- confirmed where the customer has agreed to it. `worth` is in the review's currency.
create table value_entry as
select period.label, case when stated.customer_id is not null then coalesce(account_id, stated.customer_id) end as account_id,
  day, object_id, metric = 'delivered_value' as is_confirmed, value, stated.currency, value * rate as worth,
  rate.rate is null as is_unrated
from valued_period as period
join (
  select *, local_day("at") as day from measurements where metric in ('delivered_value', 'delivered_value_unconfirmed')
) as stated on known_day between known_from and known_until and day <= measured_on
left join account on account.label = period.label and account.customer_id = stated.customer_id
left join rate on rate.currency = stated.currency and measured_on between valid_from and valid_until;

-- value_metric: the periods in which any value is known that was delivered to a customer.
create view value_metric as
select distinct label from value_entry where account_id is not null;

-- net_invoice: each invoice line up to the end of each period but for tax, credits below 0. `served` is the part of a line
-- whose service was over by then, by its days; null where a recurring line does not tell its service.
create table net_invoice as
select period.label, coalesce(account_id, invoices.customer_id) as account_id, invoiced_on as day, amount, invoices.currency,
  amount * rate as worth, rate.rate is null as is_unrated,
  case when service_from is not null and service_to is not null
      then greatest(least((measured_on + 1 - service_from) / (service_to + 1 - service_from), 1), 0)
    when amount < 0 or invoices.kind <> 'recurring' then 1 end as served
from valued_period as period
join invoices on known_day between known_from and known_until and invoices.kind <> 'tax' and invoiced_on <= measured_on
left join account on account.label = period.label and account.customer_id = invoices.customer_id
left join rate on rate.currency = invoices.currency and measured_on between valid_from and valid_until;

-- delivered_value_rows: each account that has confirmed a value, has been invoiced, or pays on the last day of a period: the
-- value that it confirmed and its net revenue to date. `is_counted` has both.
create table delivered_value_rows as
with value as (
  select label, account_id, cast(sum(worth) filter (is_confirmed) as double) as value, cast(sum(worth) filter (not is_confirmed) as double)
    as unconfirmed, max(day) filter (is_confirmed) as confirmed_on
  from value_entry where account_id is not null group by all
),
revenue as (select label, account_id, cast(sum(cast(worth as decimal(38, 9))) as double) as revenue from net_invoice group by all),
payer as (
  select distinct paid.label, account_id from paid join valued_period using (label) where start_on <= measured_on and ends > measured_on
)
select label, account_id, value, revenue, unconfirmed, confirmed_on, payer.account_id is not null as is_paying,
  value is not null and coalesce(revenue > 0, false) as is_counted, case when is_counted then value / revenue end as ratio
from value full join revenue using (label, account_id) full join payer using (label, account_id);

-- delivered_value (C06): the value that customers confirmed to date, over their net revenue of the same time; the median of
-- the customers' own ratios; and the share of paying customers that have both.
create view delivered_value as
select label, '' as segment_by, '' as segment, count(*) filter (is_counted) as customers,
  coalesce(sum(value) filter (is_counted), 0) as value, coalesce(sum(revenue) filter (is_counted), 0) as revenue,
  count(*) filter (is_paying) as paying, count(*) filter (is_paying and is_counted) as covered,
  count(*) filter (value is not null and not is_counted) as without_revenue, coalesce(sum(unconfirmed), 0) as unconfirmed,
  sum(value) filter (is_counted) / nullif(sum(revenue) filter (is_counted), 0) as delivered_value,
  median(ratio) as delivered_value_median, covered / nullif(paying, 0) as delivered_value_coverage,
  any_value(value_from) as value_from, any_value(invoiced_from) as invoiced_from
from valued_period
left join delivered_value_rows using (label)
left join (select label, min(day) as value_from from value_entry group by label) as first_entry using (label)
left join (select label, min(day) as invoiced_from from net_invoice group by label) as first_line using (label)
group by label;

-- delivered_value_notes: statements that are in no figure, and currencies without a rate.
create view delivered_value_notes as
select label, 'left out' as kind, case when account_id is null then 'measurements: delivered value without a customer'
    else 'measurements: delivered value that the customer has not confirmed' end as text, count(*) as rows
from value_entry where account_id is null or not is_confirmed group by all
union all
select label, 'left out', 'customers: value confirmed, and no net revenue', without_revenue from delivered_value where without_revenue > 0
union all
select label, 'refused', 'no rate for ' || string_agg(distinct coalesce(currency, 'an amount without a currency'), ', '
  order by coalesce(currency, 'an amount without a currency')) || '; add it to fx_rates', null
from (
  select label, currency from value_entry where is_unrated and is_confirmed and account_id is not null
  union all select label, currency from net_invoice where is_unrated
)
group by label;

-- value_statement: what is told to each customer of which a value was ever stated: each statement with its day, and what was
-- invoiced to it so far with the day of the first line. That is the part whose service is over (`served`), where all of its
-- lines tell it; else the whole (`invoiced`), which may be for time to come. Amounts are in the customer's own currency,
-- where it has one and no other; else in the review's.
create view value_statement as
with line as (
  select label, account_id, day, object_id as what, case when is_confirmed then 'confirmed' else 'not confirmed' end as state,
    value as own, currency, worth, cast(null as double) as served
  from value_entry where account_id is not null
  union all
  select label, account_id, day, null, 'invoiced', amount, currency, worth, served
  from net_invoice semi join value_entry using (label, account_id)
),
told_in as (
  select label, account_id, count(distinct currency) = 1 and count(currency) = count(*) as is_own,
    case when is_own then any_value(currency) else (select currency from rules) end as currency
  from line group by label, account_id
),
told as (
  select label, account_id, day, what, state, told_in.currency, served, case when is_own then own else worth end as amount
  from line join told_in using (label, account_id)
)
select label, account_id, day, what, state, currency, amount from told where state <> 'invoiced'
union all
select label, account_id, min(day), null, case when bool_and(is_timed) then 'served' else 'invoiced' end, currency,
  case when bool_and(amount is not null) then sum(amount * case when is_timed then served else 1 end) end
from (select *, bool_and(served is not null) over (partition by label, account_id) as is_timed from told where state = 'invoiced')
group by label, account_id, currency;

-- overdue_account: what each account had not paid by the end of a period of what was due 30 days before or earlier, less the
-- credits that name it; in the review's currency, null where a currency has no rate.
create view overdue_account as
with credit as (
  select label, corrects as invoice_line_id, sum(amount) as credited
  from period join invoices on known_day between known_from and known_until
  where amount < 0 and corrects is not null and invoiced_on <= measured_on group by all
),
line as (
  select period.label, customer_id, invoices.invoice_line_id, due_on, currency, measured_on, amount + coalesce(credited, 0) as own_amount
  from period
  join invoices on known_day between known_from and known_until
  left join credit on credit.label = period.label and credit.invoice_line_id = invoices.invoice_line_id
  where amount > 0 and due_on + 30 <= measured_on and coalesce(paid_on > measured_on, true)
)
select line.label, coalesce(account_id, line.customer_id) as account_id, count(*) as lines, min(due_on) as due_on,
  any_value(measured_on) - min(due_on) as days, case when bool_and(rate.rate is not null) then sum(own_amount * rate) end as amount
from line
left join account on account.label = line.label and account.customer_id = line.customer_id
left join rate on rate.currency = line.currency and measured_on between valid_from and valid_until
where own_amount > 0
group by line.label, coalesce(account_id, line.customer_id);
