-- exchange_rate: what a unit of a currency is worth in the review's currency on the days from valid_from to
-- valid_until, in both ways in which rates are taken. `fixed` is one rate for all days: the one without a day, else the
-- newest of those up to the day rates_on. `period_end` is the rate of each day: the newest one not after it, else the
-- one without a day.
create table exchange_rate as
with way as (select unnest(['fixed', 'period_end']) as fx),
quote as (select fx_rates.currency, "on", rate from fx_rates join rules on fx_rates.currency <> rules.currency)
select fx, currency, date '0001-01-01' as valid_from, date '9999-12-31' as valid_until, cast(1 as double) as rate
from way cross join rules
union all
select 'fixed', quote.currency, date '0001-01-01', date '9999-12-31',
  coalesce(any_value(rate) filter ("on" is null), arg_max(rate, "on") filter ("on" <= rates_on))
from quote cross join rules
where "on" is null or "on" <= rates_on
group by quote.currency
union all
select 'period_end', currency, coalesce("on", date '0001-01-01'),
  coalesce(lead("on") over (partition by currency order by "on" nulls first) - 1, date '9999-12-31'), rate
from quote;

-- rate: the exchange rates that the review counts with (fx_mode).
create view rate as
select exchange_rate.currency, valid_from, valid_until, rate from exchange_rate join rules on fx = fx_mode;

-- fixed_rate: the exchange rate of each currency that is the same on all days, for figures that no rate may move.
create view fixed_rate as
select currency, rate from exchange_rate where fx = 'fixed';
