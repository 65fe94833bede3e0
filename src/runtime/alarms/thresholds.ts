/**
 * The numbers in the conditions of the alarms, by alarm: seconds, bytes, counts and shares. They are those of
 * the alerts in `deploy/prometheus/alerts.yaml`, which a test compares with them.
 */
export const THRESHOLDS = {
  VabusDataStopped: { withinSeconds: 600 },
  VabusWatermarkLag: { lagSeconds: 600 },
  VabusUnreadGrows: { unread: 100_000, trendSeconds: 1800 },
  VabusInboxFills: { share: 0.8 },
  VabusEventsRefused: { share: 0.01, withinSeconds: 600 },
  VabusEventsLost: { withinSeconds: 900 },
  VabusSinkLag: { lagSeconds: 600 },
  /** An outbox that holds less than this share of its bound is no concern yet. */
  VabusOutboxFills: { fullInSeconds: 21_600, share: 0.05, trendSeconds: 900 },
  VabusAggregatesRejected: { withinSeconds: 900 },
  VabusDeadLettersNearBound: { share: 0.8 },
  VabusDeadLettersDropped: { withinSeconds: 900 },
  /** A disk with more room than `trendShare` is not expected to fill by its trend. */
  VabusDiskFills: {
    freeBytes: 1e9,
    freeShare: 0.05,
    fullInSeconds: 21_600,
    trendSeconds: 3600,
    trendShare: 0.3,
  },
  VabusCertificateEnds: { remainingSeconds: 14 * 86_400 },
  VabusMetricSendsFail: { withinSeconds: 600 },
} as const;
