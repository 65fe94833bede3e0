-- The rows of several instances (INSTANCE_COUNT) as one row for each series and window. psql -f joined_aggregates.sql
-- A series that one instance alone has read is one row in any case. Where several have read it:
--   sum, count, min, max: exact. avg: exact, as the average weighted by count.
--   first, last: no row says when its first or last event was; stddev and percentiles cannot be joined at all.
--   Their value is null then, and is_exact is false: read the rows of the instances (aggregated_events).
-- A row is complete once each instance has closed its window; later rows correct it as corrections do.
-- An older form of the view is replaced. Grants on it go with it: give them again.
BEGIN;
DROP VIEW IF EXISTS joined_aggregates;
CREATE VIEW joined_aggregates AS
SELECT
  name, labels, agg_func, window_start, window_end,
  CASE
    WHEN count(*) = 1 THEN min(value)
    WHEN agg_func IN ('sum', 'count') THEN sum(value)
    WHEN agg_func = 'min' THEN min(value)
    WHEN agg_func = 'max' THEN max(value)
    WHEN agg_func = 'avg' THEN sum(value * count) / sum(count)
  END AS value,
  sum(count)::bigint AS count,
  count(*)::int AS instances,
  count(*) = 1 OR agg_func IN ('sum', 'count', 'min', 'max', 'avg') AS is_exact
FROM aggregated_events
GROUP BY name, labels, agg_func, window_start, window_end;
COMMIT;
