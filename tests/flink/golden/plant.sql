-- The job of the handler's settings as Flink SQL, for Flink 2.2, by vabus-data-handler VERSION.
-- On the same events its rows are those of the handler: docs/flink.md says where they are not, and
-- why.
-- In Flink's lib: flink-sql-connector-kafka, flink-connector-jdbc-core, flink-connector-jdbc-postgres,
-- postgresql (the JDBC driver).
-- To run it: envsubst < job.sql > filled.sql && bin/sql-client.sh -f filled.sql. Or let the handler
-- hand it to an SQL gateway: vabus-data-handler flink --submit http://gateway:8083.
-- A text such as ${VARIABLE} stands for a secret. None is written here.

-- LEFT OUT:
-- The bus http://bus:8000/ is left out: Flink has no connector for VaBus.
-- The sink archive is left out: Flink has no connector for SQLite.

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
SET 'table.exec.state.ttl' = '1 h';

-- The topic line1. A record that is no JSON, or a part of one that does not fit its column, is NULL.
-- The watermark follows the greatest event time of each partition, less ALLOWED_LATENESS, and never
-- runs ahead of the clock. An event that is further ahead than MAX_FUTURE_SKEW has no time, and does
-- not count.
CREATE TEMPORARY TABLE `bus_1` (
  `name` STRING,
  `value` DOUBLE,
  `timestamp` DOUBLE,
  `agg_func` STRING,
  `id` STRING,
  `labels` MAP<STRING, STRING>,
  `_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
  `_event_time` AS CASE WHEN `timestamp` >= 0 AND `timestamp` < 1E11 AND TO_TIMESTAMP_LTZ(CAST(`timestamp` * 1000 + 5E-1 AS BIGINT), 3) <= TIMESTAMPADD(SECOND, 300, CURRENT_TIMESTAMP) THEN TO_TIMESTAMP_LTZ(CAST(`timestamp` * 1000 + 5E-1 AS BIGINT), 3) END,
  WATERMARK FOR `_event_time` AS LEAST(`_event_time`, CURRENT_TIMESTAMP) - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = 'line1',
  'properties.bootstrap.servers' = 'broker1:9092,broker2:9092',
  'properties.security.protocol' = 'SASL_SSL',
  'properties.sasl.mechanism' = 'SCRAM-SHA-512',
  'properties.sasl.jaas.config' = 'org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule required username="reader" password="${VABUS_PASSWORD}";',
  'properties.ssl.truststore.type' = 'PEM',
  'properties.ssl.truststore.certificates' = '-----BEGIN CERTIFICATE-----
MIIca
-----END CERTIFICATE-----
',
  'properties.group.id' = 'vabus-data-handler_source.plant7.flink',
  'properties.isolation.level' = 'read_committed',
  'properties.partition.discovery.interval.ms' = '10000',
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.idle-timeout' = '60 s',
  'value.format' = 'json',
  'value.json.ignore-parse-errors' = 'true'
);

-- What the handler would refuse is left out here. There are no dead letters: nothing keeps it.
CREATE TEMPORARY VIEW `valid_1` AS
SELECT
  `name` AS `name`,
  `value` AS `value`,
  `_event_time` AS `event_time`,
  `agg_func` AS `agg_func`,
  CASE WHEN `labels` IS NULL THEN '{}' ELSE JSON_STRING(`labels`) END AS `labels`,
  LPAD(CAST(`_offset` AS STRING), 19, '0') AS `arrival`,
  NULLIF(`id`, '') AS `id`
FROM `bus_1`
WHERE `_event_time` IS NOT NULL
  AND `name` <> ''
  AND ABS(`value`) <= 1.7976931348623157E308;

-- An event whose id was there already, within `table.exec.state.ttl`, is a duplicate.
CREATE TEMPORARY VIEW `events_1` AS
SELECT `name`, `value`, `event_time`, `agg_func`, `labels`, `arrival` FROM `valid_1` WHERE `id` IS NULL
UNION ALL
SELECT `name`, `value`, `event_time`, `agg_func`, `labels`, `arrival` FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `id` ORDER BY PROCTIME() ASC) AS `nth`
  FROM `valid_1` WHERE `id` IS NOT NULL
) WHERE `nth` = 1;

-- The topic line2. A record that is no JSON, or a part of one that does not fit its column, is NULL.
-- The watermark follows the greatest event time of each partition, less ALLOWED_LATENESS, and never
-- runs ahead of the clock. An event that is further ahead than MAX_FUTURE_SKEW has no time, and does
-- not count.
CREATE TEMPORARY TABLE `bus_2` (
  `name` STRING,
  `value` DOUBLE,
  `timestamp` DOUBLE,
  `agg_func` STRING,
  `id` STRING,
  `labels` MAP<STRING, STRING>,
  `_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
  `_event_time` AS CASE WHEN `timestamp` >= 0 AND `timestamp` < 1E11 AND TO_TIMESTAMP_LTZ(CAST(`timestamp` * 1000 + 5E-1 AS BIGINT), 3) <= TIMESTAMPADD(SECOND, 300, CURRENT_TIMESTAMP) THEN TO_TIMESTAMP_LTZ(CAST(`timestamp` * 1000 + 5E-1 AS BIGINT), 3) END,
  WATERMARK FOR `_event_time` AS LEAST(`_event_time`, CURRENT_TIMESTAMP) - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = 'line2',
  'properties.bootstrap.servers' = 'broker1:9092,broker2:9092',
  'properties.security.protocol' = 'SASL_SSL',
  'properties.sasl.mechanism' = 'SCRAM-SHA-512',
  'properties.sasl.jaas.config' = 'org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule required username="reader" password="${VABUS_PASSWORD}";',
  'properties.ssl.truststore.type' = 'PEM',
  'properties.ssl.truststore.certificates' = '-----BEGIN CERTIFICATE-----
MIIca
-----END CERTIFICATE-----
',
  'properties.group.id' = 'vabus-data-handler_source.plant7.flink',
  'properties.isolation.level' = 'read_committed',
  'properties.partition.discovery.interval.ms' = '10000',
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.idle-timeout' = '60 s',
  'value.format' = 'json',
  'value.json.ignore-parse-errors' = 'true'
);

-- What the handler would refuse is left out here. There are no dead letters: nothing keeps it.
CREATE TEMPORARY VIEW `valid_2` AS
SELECT
  `name` AS `name`,
  `value` AS `value`,
  `_event_time` AS `event_time`,
  `agg_func` AS `agg_func`,
  CASE WHEN `labels` IS NULL THEN '{}' ELSE JSON_STRING(`labels`) END AS `labels`,
  LPAD(CAST(`_offset` AS STRING), 19, '0') AS `arrival`,
  NULLIF(`id`, '') AS `id`
FROM `bus_2`
WHERE `_event_time` IS NOT NULL
  AND `name` <> ''
  AND ABS(`value`) <= 1.7976931348623157E308;

-- An event whose id was there already, within `table.exec.state.ttl`, is a duplicate.
CREATE TEMPORARY VIEW `events_2` AS
SELECT `name`, `value`, `event_time`, `agg_func`, `labels`, `arrival` FROM `valid_2` WHERE `id` IS NULL
UNION ALL
SELECT `name`, `value`, `event_time`, `agg_func`, `labels`, `arrival` FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `id` ORDER BY PROCTIME() ASC) AS `nth`
  FROM `valid_2` WHERE `id` IS NOT NULL
) WHERE `nth` = 1;

-- AGG_FUNCTIONS: the first rule that matches the name decides for an event that names no function.
-- Several functions make several rows of it, and none drops it.
-- `in_order` sorts by event time, then by arrival, and ends with the value: its least is that of
-- `first`, and its greatest that of `last`.
CREATE TEMPORARY VIEW `readings` AS
SELECT
  `e`.`name`, `e`.`labels`, `f`.`agg_func` AS `agg_func`, `e`.`value`, `e`.`event_time`,
  CASE WHEN `f`.`agg_func` IN ('first', 'last')
    THEN CAST(CAST(`e`.`event_time` AS TIMESTAMP(3)) AS STRING) || `e`.`arrival` || CAST(`e`.`value` AS STRING)
  END AS `in_order`
FROM (
  SELECT *, CASE WHEN `agg_func` IS NOT NULL THEN `agg_func` WHEN `name` LIKE '%.temperature' THEN 'avg,min,max' WHEN `name` = 'o''brien_100%' THEN 'last' WHEN `name` LIKE 'debug.%' THEN CAST(NULL AS STRING) WHEN `name` LIKE '%.load' THEN 'p99.9' ELSE 'sum' END AS `functions`
  FROM (SELECT * FROM `events_1` UNION ALL SELECT * FROM `events_2`)
) AS `e`
CROSS JOIN UNNEST(SPLIT(`e`.`functions`, ',')) AS `f` (`agg_func`)
WHERE `f`.`agg_func` IN ('sum', 'avg', 'min', 'max', 'count', 'first', 'last', 'stddev', 'p50', 'p99', 'p99.9');

-- AGGREGATION_INTERVAL: 0.5 s, aligned to the epoch. A window closes once, when the watermark reaches
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
    WHEN 'p50' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[1]
    WHEN 'p99' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[2]
    WHEN 'p99.9' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[3]
  END AS `value`
FROM TABLE(TUMBLE(TABLE `readings`, DESCRIPTOR(`event_time`), INTERVAL '0 00:00:00.500' DAY(6) TO SECOND(3)))
GROUP BY `name`, `labels`, `agg_func`, `window_start`, `window_end`;

-- AGGREGATION_INTERVAL: 10 s, aligned to the epoch. A window closes once, when the watermark reaches
-- its end: an event that is later is dropped, and counted in Flink's metric numLateRecordsDropped.
CREATE TEMPORARY VIEW `aggregates_2` AS
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
    WHEN 'p50' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[1]
    WHEN 'p99' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[2]
    WHEN 'p99.9' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[3]
  END AS `value`
FROM TABLE(TUMBLE(TABLE `readings`, DESCRIPTOR(`event_time`), INTERVAL '10' SECOND))
GROUP BY `name`, `labels`, `agg_func`, `window_start`, `window_end`;

-- AGGREGATION_INTERVAL: 300/60 s, aligned to the epoch. A window closes once, when the watermark
-- reaches its end: an event that is later is dropped, and counted in Flink's metric
-- numLateRecordsDropped.
CREATE TEMPORARY VIEW `aggregates_3` AS
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
    WHEN 'p50' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[1]
    WHEN 'p99' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[2]
    WHEN 'p99.9' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[3]
  END AS `value`
FROM TABLE(HOP(TABLE `readings`, DESCRIPTOR(`event_time`), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))
GROUP BY `name`, `labels`, `agg_func`, `window_start`, `window_end`;

-- AGGREGATION_INTERVAL: 86400 s, aligned to the epoch. A window closes once, when the watermark
-- reaches its end: an event that is later is dropped, and counted in Flink's metric
-- numLateRecordsDropped.
CREATE TEMPORARY VIEW `aggregates_4` AS
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
    WHEN 'p50' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[1]
    WHEN 'p99' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[2]
    WHEN 'p99.9' THEN (PERCENTILE(`value`, ARRAY[0.5, 0.99, 0.999]) FILTER (WHERE `agg_func` IN ('p50', 'p99', 'p99.9')))[3]
  END AS `value`
FROM TABLE(TUMBLE(TABLE `readings`, DESCRIPTOR(`event_time`), INTERVAL '1' DAY))
GROUP BY `name`, `labels`, `agg_func`, `window_start`, `window_end`;

-- The sink kafka.
CREATE TEMPORARY TABLE `sink_kafka` (
  `name` STRING,
  `aggregate` STRING
) WITH (
  'connector' = 'kafka',
  'topic' = 'vabus.aggregates',
  'properties.bootstrap.servers' = 'broker1:9092',
  'properties.security.protocol' = 'SASL_SSL',
  'properties.sasl.mechanism' = 'PLAIN',
  'properties.sasl.jaas.config' = 'org.apache.flink.kafka.shaded.org.apache.kafka.common.security.plain.PlainLoginModule required username="writer" password="${KAFKA_SASL_PASSWORD}";',
  'key.format' = 'raw',
  'key.fields' = 'name',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'plant7.flink',
  'properties.transaction.timeout.ms' = '900000'
);

-- The sink postgres.
-- ${POSTGRES_PASSWORD} stands for the password of POSTGRES_CONNECTION_STRING.
-- The table must be there: the handler makes it, and so does the statement in docs/aggregates.md.
CREATE TEMPORARY TABLE `sink_postgres` (
  `name` STRING,
  `labels` STRING,
  `agg_func` STRING,
  `window_start` STRING,
  `window_end` STRING,
  `instance` STRING,
  `value` DOUBLE,
  `count` BIGINT,
  `revision` INT,
  PRIMARY KEY (`window_start`, `name`, `labels`, `agg_func`, `window_end`, `instance`) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://db:5432/plant?stringtype=unspecified&sslmode=prefer&ApplicationName=vabus-data-handler',
  'table-name' = 'aggregated_events',
  'username' = 'vabus',
  'password' = '${POSTGRES_PASSWORD}',
  'sink.buffer-flush.max-rows' = '1000',
  'sink.buffer-flush.interval' = '1 s'
);

-- The sink history.
-- ${POSTGRES_PASSWORD} stands for the password of POSTGRES_CONNECTION_STRING.
-- The table must be there: the handler makes it, and so does the statement in docs/aggregates.md.
CREATE TEMPORARY TABLE `sink_history` (
  `name` STRING,
  `labels` STRING,
  `agg_func` STRING,
  `window_start` STRING,
  `window_end` STRING,
  `instance` STRING,
  `value` DOUBLE,
  `count` BIGINT,
  `revision` INT,
  PRIMARY KEY (`window_start`, `name`, `labels`, `agg_func`, `window_end`, `instance`) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://db1:5432,db2:5432/plant?stringtype=unspecified&sslmode=prefer&ApplicationName=vabus-data-handler&targetServerType=primary',
  'table-name' = 'metering.hourly',
  'username' = 'vabus',
  'password' = '${HISTORY_POSTGRES_PASSWORD}',
  'sink.buffer-flush.max-rows' = '1000',
  'sink.buffer-flush.interval' = '1 s'
);

-- One job for all tiers and sinks, so that each bus is read once.
-- A record in Kafka can be read (read_committed) when the next checkpoint is done.
EXECUTE STATEMENT SET BEGIN
INSERT INTO `sink_kafka`
SELECT `name`, JSON_OBJECT(
  KEY 'name' VALUE `name`,
  KEY 'labels' VALUE JSON(NULLIF(`labels`, '{}')),
  KEY 'agg_func' VALUE `agg_func`,
  KEY 'value' VALUE `value`,
  KEY 'timestamp' VALUE (EXTRACT(EPOCH FROM `window_start`) + EXTRACT(MILLISECOND FROM `window_start`) / 1E3),
  KEY 'window_start' VALUE (EXTRACT(EPOCH FROM `window_start`) + EXTRACT(MILLISECOND FROM `window_start`) / 1E3),
  KEY 'window_end' VALUE (EXTRACT(EPOCH FROM `window_end`) + EXTRACT(MILLISECOND FROM `window_end`) / 1E3),
  KEY 'count' VALUE `count`,
  KEY 'revision' VALUE 0,
  KEY 'instance' VALUE 'plant7.flink'
  ABSENT ON NULL)
FROM `aggregates_1`
WHERE ABS(`value`) <= 1.7976931348623157E308 AND CASE WHEN `name` LIKE 'debug.%' THEN FALSE ELSE TRUE END;

INSERT INTO `sink_postgres`
SELECT `name`, `labels`, `agg_func`, CAST(`window_start` AS STRING) || '+00', CAST(`window_end` AS STRING) || '+00',
  'plant7.flink', `value`, `count`, 0
FROM `aggregates_1`
WHERE ABS(`value`) <= 1.7976931348623157E308 AND CASE WHEN `name` LIKE 'debug.%' THEN FALSE ELSE TRUE END;

INSERT INTO `sink_kafka`
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
FROM `aggregates_2`
WHERE ABS(`value`) <= 1.7976931348623157E308 AND CASE WHEN `name` LIKE 'orders.%' THEN TRUE WHEN `name` LIKE 'debug.%' THEN FALSE ELSE TRUE END;

INSERT INTO `sink_postgres`
SELECT `name`, `labels`, `agg_func`, CAST(`window_start` AS STRING) || '+00', CAST(`window_end` AS STRING) || '+00',
  'plant7.flink', `value`, `count`, 0
FROM `aggregates_2`
WHERE ABS(`value`) <= 1.7976931348623157E308 AND CASE WHEN `name` LIKE 'orders.%' THEN FALSE WHEN `name` LIKE 'debug.%' THEN FALSE ELSE TRUE END;

INSERT INTO `sink_kafka`
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
FROM `aggregates_3`
WHERE ABS(`value`) <= 1.7976931348623157E308 AND CASE WHEN `name` LIKE 'debug.%' THEN FALSE ELSE TRUE END;

INSERT INTO `sink_postgres`
SELECT `name`, `labels`, `agg_func`, CAST(`window_start` AS STRING) || '+00', CAST(`window_end` AS STRING) || '+00',
  'plant7.flink', `value`, `count`, 0
FROM `aggregates_3`
WHERE ABS(`value`) <= 1.7976931348623157E308 AND CASE WHEN `name` LIKE 'debug.%' THEN FALSE ELSE TRUE END;

INSERT INTO `sink_history`
SELECT `name`, `labels`, `agg_func`, CAST(`window_start` AS STRING) || '+00', CAST(`window_end` AS STRING) || '+00',
  'plant7.flink', `value`, `count`, 0
FROM `aggregates_4`
WHERE ABS(`value`) <= 1.7976931348623157E308;
END;

-- Settings that are given and that Flink has no or another counterpart for:
-- VABUS_URL makes a table for each topic of Kafka; other buses are left out.
-- POSTGRES_CONNECTION_STRING becomes the URL of JDBC, with the password as ${POSTGRES_PASSWORD}.
-- CORRECTION_HORIZON has no effect: an event that comes after its window has closed is dropped.
