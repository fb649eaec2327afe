-- What pages print of these queries, in English, and say in the language of the pack:
-- message: {n} of {total} recurring lines of invoices have no service_from and service_to; give them, or set the rule invoice_months (1: a line is for the calendar month of its day)
-- message: {n} recurring lines of invoices begin on the service_to of the line before, and {more} on the day after it; service_to must be the last day of service: write service_to - 1
-- message: {n} credits name in corrects an invoice line that is not there, such as {example}, and lower none; give the invoice_line_id, or leave corrects empty where they are of no line
-- message: from invoices: made of {n} recurring lines, each over the months of its service

-- invoice_line: each recurring line of an invoice with the days that it pays for, service_end being the first one after
-- them, and the months that these are. Months are counted, not days, so that no month is longer than another: whole ones
-- where the service ends on the day of the month on which it began (or on the last of a shorter month), else days × 12 ÷
-- 365.25. A line that tells no service is for invoice_months calendar months from that of its day; without that rule its
-- days are not known (null). Credits are no lines.
create table invoice_line as
with served as (
  select invoice_line_id, customer_id, product, invoices.currency, amount, invoiced_on, known_from, known_until,
    case when service_from is not null and service_to is not null then service_from
         when invoice_months is not null then cast(date_trunc('month', invoiced_on) as date) end as start_on,
    case when service_from is not null and service_to is not null then service_to + 1
         when invoice_months is not null
           then cast(date_trunc('month', invoiced_on) + to_months(cast(invoice_months as integer)) as date) end as service_end
  from invoices cross join rules
  where kind = 'recurring' and amount > 0
),
counted as (
  select *, cast((year(service_end) - year(start_on)) * 12 + month(service_end) - month(start_on) as integer) as steps
  from served
)
select * exclude (steps),
  case when steps >= 1 and (cast(start_on + to_months(steps) as date) = service_end
      or cast(service_end - to_months(steps) as date) = start_on
      or (start_on = last_day(start_on) and service_end = last_day(service_end))) then steps
    else (service_end - start_on) * 12 / 365.25 end as months
from counted;

-- meeting: two lines of a customer and product of which the second begins within grace_days (or a day) of the end of the
-- first, before or after it, and of no other line's end more closely, as far as that is known then: the first lasts until
-- the second begins. Lines that meet to the day are not here: nothing is to be done with them.
create table meeting as
with pair as (
  select earlier.invoice_line_id, later.start_on as next_on, earlier.customer_id, earlier.product,
    abs(later.start_on - earlier.service_end) as days,
    greatest(earlier.known_from, later.known_from) as known_from, least(earlier.known_until, later.known_until) as known_until
  from invoice_line as earlier
  join invoice_line as later on later.customer_id = earlier.customer_id
    and later.product is not distinct from earlier.product and later.start_on > earlier.start_on
  cross join rules
  where abs(later.start_on - earlier.service_end) <= greatest(grace_days, 1)
    and greatest(earlier.known_from, later.known_from) <= least(earlier.known_until, later.known_until)
),
nearer as (
  select pair.invoice_line_id, next_on, pair.known_from
  from pair
  join invoice_line as other on other.customer_id = pair.customer_id and other.product is not distinct from pair.product
    and other.start_on < next_on and abs(next_on - other.service_end) < days and other.known_from <= pair.known_from
)
select invoice_line_id, next_on, known_from, known_until
from pair anti join nearer using (invoice_line_id, next_on, known_from)
where days > 0;

-- line_fact: what is learnt of a line besides itself: a credit that names it lowers its amount from its first day on, and
-- a line that follows it moves its end.
create view line_fact as
select corrects as invoice_line_id, amount, cast(null as date) as next_on, known_from, known_until
from invoices
where amount < 0 and corrects is not null
union all
select invoice_line_id, 0, next_on, known_from, known_until from meeting;

-- subscriptions_from_invoices: where there are no subscriptions, each recurring line of an invoice is a version of one: its
-- amount ÷ its months, from its first day to its last. Lines of a customer and product that meet are one subscription.
-- One row per line and span of days in which it is known in this form.
create table subscriptions_from_invoices as
with line as (
  select * from invoice_line where start_on is not null
),
learnt as (
  select invoice_line_id, known_from as line_from, known_until as line_until, known_from as day from line
  union
  select line.invoice_line_id, line.known_from, line.known_until, day
  from line
  join (
    select invoice_line_id, unnest([known_from, known_until + 1]) as day from line_fact
  ) as fact on fact.invoice_line_id = line.invoice_line_id and day > line.known_from and day <= line.known_until
),
form as (
  select invoice_line_id, line_from, day,
    coalesce(lead(day) over (partition by invoice_line_id, line_from order by day) - 1, line_until) as last_day
  from learnt
),
stated as (
  select form.invoice_line_id, line_from, day, last_day, coalesce(sum(line_fact.amount), 0) as credited,
    min(next_on) as next_on
  from form
  left join line_fact on line_fact.invoice_line_id = form.invoice_line_id
    and day between line_fact.known_from and line_fact.known_until
  group by all
),
-- A line begins a subscription where all lines before it ended longer ago than grace_days.
begun as (
  select invoice_line_id, customer_id, product, start_on, coalesce(start_on - max(service_end) over (
      partition by customer_id, product order by start_on, invoice_line_id rows between unbounded preceding and 1 preceding
    ) > greatest(grace_days, 1), true) as begins
  from (select distinct invoice_line_id, customer_id, product, start_on, service_end from line) cross join rules
),
named as (
  select invoice_line_id, max(case when begins then invoice_line_id end) over (
    partition by customer_id, product, nth order by start_on, invoice_line_id) as subscription_id
  from (
    select *, sum(cast(begins as integer)) over (
      partition by customer_id, product order by start_on, invoice_line_id) as nth
    from begun
  )
)
select subscription_id, line.invoice_line_id as line_id, customer_id, start_on, coalesce(next_on, service_end) as end_on,
  currency, cast(null as double) as unit_amount, cast(null as double) as quantity, cast(null as varchar) as "interval",
  cast(null as bigint) as interval_count, cast(null as double) as contract_value, cast(null as double) as term_months,
  (amount + credited) / months as mrr, product, cast(null as varchar) as plan, cast(null as varchar) as status,
  cast(null as double) as discount_mrr, cast(null as varchar) as discount_kind, cast(null as timestamptz) as cancelled_at,
  cast(null as varchar) as cancel_reason, cast(null as date) as renewal_on, true as is_recurring, false as seat_based,
  day as known_from, last_day as known_until
from line
join stated on stated.invoice_line_id = line.invoice_line_id and line_from = line.known_from
join (select distinct invoice_line_id, subscription_id from named) as named on named.invoice_line_id = line.invoice_line_id;

-- lost_credit: in each period, the credits that name a line which is not there, and what they come to beside all recurring
-- lines: up to most_left_out of these a figure tells them.
create view lost_credit as
with known as (
  select label, invoices.* from period join invoices on known_day between known_from and known_until
)
select label, count(*) filter (lost) as rows, -sum(amount) filter (lost) as credited,
  sum(amount) filter (kind = 'recurring' and amount > 0) as billed, min(corrects) filter (lost) as example
from (
  select *, amount < 0 and corrects is not null and not exists (
      from known as line where line.label = known.label and line.invoice_line_id = known.corrects) as lost
  from known
)
group by label;

-- from_invoices_notes: what every figure made of invoices tells, and why a period is refused: lines whose days are not
-- known, a last day of service that is the first without it, or credits of lines that are not there.
create table from_invoices_notes as
with known as (
  select label, invoice_line.* from period join invoice_line on known_day between known_from and known_until
),
untold as (
  select label, count(*) as rows, count(*) filter (start_on is null) as lacking from known group by label
),
follower as (
  select label, start_on - lag(service_end) over (
      partition by label, customer_id, product order by start_on, invoice_line_id) as days
  from known where start_on is not null
),
overlap as (
  select label, count(*) filter (days = -1) as by_a_day, count(*) filter (days = 0) as meeting from follower group by label
)
select label, 'refused' as kind, lacking || ' of ' || rows || ' recurring lines of invoices have no service_from and '
  || 'service_to; give them, or set the rule invoice_months (1: a line is for the calendar month of its day)' as text
from untold where lacking > 0
union all
select label, 'refused', by_a_day || ' recurring lines of invoices begin on the service_to of the line before, and '
  || meeting || ' on the day after it; service_to must be the last day of service: write service_to - 1'
from overlap where by_a_day > meeting
union all
select label, case when credited > most_left_out * billed then 'refused' else 'warning' end,
  rows || ' credits name in corrects an invoice line that is not there, such as ' || example
  || ', and lower none; give the invoice_line_id, or leave corrects empty where they are of no line'
from lost_credit cross join rules where rows > 0
union all
select label, 'warning', 'from invoices: made of ' || rows || ' recurring lines, each over the months of its service'
from untold;

-- lost_by_invoice_date: from month to month up to the period's last day, how often a customer stops paying for service
-- (by_service), and how often one has no invoice after a month with one (by_invoice), as counting by invoice date shows.
create view lost_by_invoice_date as
with month as (
  select label, cast(unnest(generate_series(
    date_trunc('month', least(min(start_on), min(invoiced_on))), measured_on + 1 - interval 1 month, interval 1 month)) as date) as starts_on
  from period join invoice_line on known_day between known_from and known_until
  group by label, measured_on
),
billed as (
  select distinct label, customer_id, cast(date_trunc('month', invoiced_on) as date) as starts_on
  from period join invoice_line on known_day between known_from and known_until
),
served as (
  select distinct month.label, customer_id, month.starts_on
  from month
  join period using (label)
  join paying on paying.start_on <= last_day(month.starts_on) and ends > last_day(month.starts_on)
    and known_day between known_from and known_until
),
stopped as (
  select label, starts_on, customer_id, 'service' as counted_by from served
  union all select label, starts_on, customer_id, 'invoice' from billed
)
select month.label, count(*) filter (counted_by = 'service') as by_service, count(*) filter (counted_by = 'invoice') as by_invoice
from stopped as last
join month on month.label = last.label and month.starts_on = last.starts_on + interval 1 month
anti join stopped as next on next.label = last.label and next.customer_id = last.customer_id
  and next.counted_by = last.counted_by and next.starts_on = month.starts_on
group by month.label;
