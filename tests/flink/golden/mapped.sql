-- The job of the handler's settings as Flink SQL, for Flink 2.2, by vabus-data-handler VERSION.
-- On the same events its rows are those of the handler: docs/flink.md says where they are not, and
-- why.
-- In Flink's lib: flink-sql-connector-kafka.
-- To run it: envsubst < job.sql > filled.sql && bin/sql-client.sh -f filled.sql. Or let the handler
-- hand it to an SQL gateway: vabus-data-handler flink --submit http://gateway:8083.
-- A text such as ${VARIABLE} stands for a secret. None is written here.

-- Checkpoints hold the offsets and the open windows together: after a failure the job goes on at the
-- last one. A job that is submitted anew begins at its start offsets, unless
-- execution.state-recovery.path names a savepoint.
SET 'pipeline.name' = 'plant7.flink';
SET 'execution.runtime-mode' = 'streaming';
SET 'table.local-time-zone' = 'UTC';
SET 'parallelism.default' = '1';
SET 'execution.checkpointing.mode' = 'EXACTLY_ONCE';
SET 'execution.checkpointing.interval' = '1000 ms';
SET 'execution.checkpointing.min-pause' = '500 ms';
SET 'execution.checkpointing.externalized-checkpoint-retention' = 'RETAIN_ON_CANCELLATION';
SET 'restart-strategy.type' = 'exponential-delay';
SET 'restart-strategy.exponential-delay.initial-backoff' = '1 s';
SET 'restart-strategy.exponential-delay.max-backoff' = '1 min';
SET 'pipeline.object-reuse' = 'true';

-- The topic readings. A record that is no JSON, or a part of one that does not fit its column, is
-- NULL.
-- The watermark follows the greatest event time of each partition, less ALLOWED_LATENESS, and never
-- runs ahead of the clock. An event that is further ahead than MAX_FUTURE_SKEW has no time, and does
-- not count.
CREATE TEMPORARY TABLE `bus_1` (
  `meta` ROW<`machine` STRING, `at` STRING, `agg` STRING, `site` STRING>,
  `reading` ROW<`value` STRING>,
  `uuid` STRING,
  `_topic` STRING METADATA FROM 'topic' VIRTUAL,
  `_key` STRING,
  `_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
  `_event_time` AS CASE WHEN REGEXP(`meta`.`at`, '^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)([.][0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$') AND FROM_UNIXTIME(UNIX_TIMESTAMP(SUBSTRING(`meta`.`at` FROM 1 FOR 10), 'yyyy-MM-dd'), 'yyyy-MM-dd') = SUBSTRING(`meta`.`at` FROM 1 FOR 10) AND TO_TIMESTAMP_LTZ(UNIX_TIMESTAMP(REPLACE(UPPER(SUBSTRING(`meta`.`at` FROM 1 FOR 19)), 'T', ' ')) * 1000 + CAST(COALESCE(TRY_CAST(REGEXP_EXTRACT(`meta`.`at`, '[.][0-9]+', 0) AS DOUBLE), 0) * 1000 + 5E-1 AS BIGINT) - (COALESCE(TRY_CAST(REGEXP_EXTRACT(`meta`.`at`, '([+-][0-9]{2}):([0-9]{2})$', 1) AS BIGINT), 0) * 60 + CASE WHEN `meta`.`at` LIKE '%-__:__' THEN -1 ELSE 1 END * COALESCE(TRY_CAST(REGEXP_EXTRACT(`meta`.`at`, '([+-][0-9]{2}):([0-9]{2})$', 2) AS BIGINT), 0)) * 60000, 3) <= TIMESTAMPADD(SECOND, 300, CURRENT_TIMESTAMP) THEN TO_TIMESTAMP_LTZ(UNIX_TIMESTAMP(REPLACE(UPPER(SUBSTRING(`meta`.`at` FROM 1 FOR 19)), 'T', ' ')) * 1000 + CAST(COALESCE(TRY_CAST(REGEXP_EXTRACT(`meta`.`at`, '[.][0-9]+', 0) AS DOUBLE), 0) * 1000 + 5E-1 AS BIGINT) - (COALESCE(TRY_CAST(REGEXP_EXTRACT(`meta`.`at`, '([+-][0-9]{2}):([0-9]{2})$', 1) AS BIGINT), 0) * 60 + CASE WHEN `meta`.`at` LIKE '%-__:__' THEN -1 ELSE 1 END * COALESCE(TRY_CAST(REGEXP_EXTRACT(`meta`.`at`, '([+-][0-9]{2}):([0-9]{2})$', 2) AS BIGINT), 0)) * 60000, 3) END,
  WATERMARK FOR `_event_time` AS LEAST(`_event_time`, CURRENT_TIMESTAMP) - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = 'readings',
  'properties.bootstrap.servers' = 'broker1:9092',
  'properties.group.id' = 'vabus-data-handler_source.plant7.flink',
  'properties.isolation.level' = 'read_committed',
  'properties.partition.discovery.interval.ms' = '10000',
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.idle-timeout' = '60 s',
  'key.format' = 'raw',
  'key.fields' = '_key',
  'value.format' = 'json',
  'value.json.ignore-parse-errors' = 'true',
  'value.fields-include' = 'EXCEPT_KEY'
);

-- What the handler would refuse is left out here. There are no dead letters: nothing keeps it.
CREATE TEMPORARY VIEW `valid_1` AS
SELECT
  (`meta`.`machine` || '.' || SPLIT_INDEX(`_topic`, '/', 1)) AS `name`,
  CASE LOWER(TRIM(`reading`.`value`)) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE TRY_CAST(TRIM(`reading`.`value`) AS DOUBLE) END AS `value`,
  `_event_time` AS `event_time`,
  `meta`.`agg` AS `agg_func`,
  JSON_OBJECT(KEY 'site' VALUE `meta`.`site`, KEY 'line' VALUE `_key` ABSENT ON NULL) AS `labels`,
  LPAD(CAST(`_offset` AS STRING), 19, '0') AS `arrival`,
  NULLIF(`uuid`, '') AS `id`
FROM `bus_1`
WHERE `_event_time` IS NOT NULL
  AND (`meta`.`machine` || '.' || SPLIT_INDEX(`_topic`, '/', 1)) <> ''
  AND ABS(CASE LOWER(TRIM(`reading`.`value`)) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE TRY_CAST(TRIM(`reading`.`value`) AS DOUBLE) END) <= 1.7976931348623157E308;

-- DEDUP_MAX_IDS=0: ids are not looked at.
CREATE TEMPORARY VIEW `events_1` AS
SELECT `name`, `value`, `event_time`, `agg_func`, `labels`, `arrival` FROM `valid_1`;

-- AGG_FUNCTIONS: the first rule that matches the name decides for an event that names no function.
-- Several functions make several rows of it, and none drops it.
-- `in_order` sorts by event time, then by arrival, and ends with the value: its least is that of
-- `first`, and its greatest that of `last`.
CREATE TEMPORARY VIEW `readings` AS
SELECT
  `e`.`name`, `e`.`labels`, `e`.`functions` AS `agg_func`, `e`.`value`, `e`.`event_time`,
  CASE WHEN `e`.`functions` IN ('first', 'last')
    THEN CAST(CAST(`e`.`event_time` AS TIMESTAMP(3)) AS STRING) || `e`.`arrival` || CAST(`e`.`value` AS STRING)
  END AS `in_order`
FROM (
  SELECT *, CASE WHEN `agg_func` IS NOT NULL THEN `agg_func` ELSE 'sum' END AS `functions`
  FROM (SELECT * FROM `events_1`)
) AS `e`
WHERE `e`.`functions` IN ('sum', 'avg', 'min', 'max', 'count', 'first', 'last', 'stddev', 'p50', 'p99');

-- AGGREGATION_INTERVAL: 60 s, aligned to the epoch. A window closes once, when the watermark reaches
-- its end: an event that is later is dropped, and counted in Flink's metric numLateRecordsDropped.
CREATE TEMPORARY VIEW `aggregates_1` AS
SELECT
  `name`, `labels`, `agg_func`, `window_start`, `window_end`, COUNT(*) AS `count`,
  CASE `agg_func`
    WHEN 'sum' THEN SUM(`value`)
    WHEN 'avg' THEN AVG(`value`)
    WHEN 'min' THEN MIN(`value`)
    WHEN 'max' THEN MAX(`value`)
    WHEN 'count' THEN CAST(COUNT(*) AS DOUBLE)
    WHEN 'first' THEN CAST(SUBSTRING(MIN(`in_order`) FROM 43) AS DOUBLE)
    WHEN 'last' THEN CAST(SUBSTRING(MAX(`in_order`) FROM 43) AS DOUBLE)
    WHEN 'stddev' THEN COALESCE(SQRT(GREATEST(VAR_SAMP(`value`), 0)), 0)
    WHEN 'p50' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99]) FILTER (WHERE `agg_func` IN ('p50', 'p99')))[1]
    WHEN 'p99' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99]) FILTER (WHERE `agg_func` IN ('p50', 'p99')))[2]
  END AS `value`
FROM TABLE(TUMBLE(TABLE `readings`, DESCRIPTOR(`event_time`), INTERVAL '1' MINUTE))
GROUP BY `name`, `labels`, `agg_func`, `window_start`, `window_end`;

-- The sink stdout.
-- The lines are in the output of the TaskManagers, each with the name of its series before it.
CREATE TEMPORARY TABLE `sink_stdout` (
  `name` STRING,
  `aggregate` STRING
) WITH (
  'connector' = 'print'
);

-- One job for all tiers and sinks, so that each bus is read once.
-- A record in Kafka can be read (read_committed) when the next checkpoint is done.
EXECUTE STATEMENT SET BEGIN
INSERT INTO `sink_stdout`
SELECT `name`, JSON_OBJECT(
  KEY 'name' VALUE `name`,
  KEY 'labels' VALUE JSON(NULLIF(`labels`, '{}')),
  KEY 'agg_func' VALUE `agg_func`,
  KEY 'value' VALUE `value`,
  KEY 'timestamp' VALUE EXTRACT(EPOCH FROM `window_start`),
  KEY 'window_start' VALUE EXTRACT(EPOCH FROM `window_start`),
  KEY 'window_end' VALUE EXTRACT(EPOCH FROM `window_end`),
  KEY 'count' VALUE `count`,
  KEY 'revision' VALUE 0,
  KEY 'instance' VALUE 'plant7.flink'
  ABSENT ON NULL)
FROM `aggregates_1`
WHERE ABS(`value`) <= 1.7976931348623157E308;
END;

-- Settings that are given and that Flink has no or another counterpart for:
-- VABUS_URL makes a table for each topic of Kafka; other buses are left out.
-- DEDUP_MAX_IDS is a time instead of a number: table.exec.state.ttl.
