-- okr_rows: each objective of the review in each period with the figure of the KPI that measures it; that figure has a query
-- of its own.
create view okr_rows as
from objective;

-- okr (G05): how much of the way from its baseline to its target each objective has come, whichever way is up.
create view okr as
select label, 'okr' as segment_by, objective as segment, (baseline - figure) / (baseline - target) as okr_progress
from objective;
