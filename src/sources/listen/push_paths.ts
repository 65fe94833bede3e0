import { OTLP_METRICS } from "../../codec/otlp/otlp_metrics.ts";
import { REMOTE_WRITE } from "../../codec/prometheus/remote_write.ts";
import type { PushPath } from "./decoder.ts";
import { EventDecoder } from "./event_decoder.ts";
import { INFLUX_1, INFLUX_2, InfluxDecoder } from "./influx_decoder.ts";
import { ProtocolDecoder } from "./protocol_decoder.ts";
import type { RecordCheck } from "./record_check.ts";

/** The paths that records are sent to by POST. A further protocol is one entry here. */
export function pushPaths(check: RecordCheck): Readonly<Record<string, PushPath>> {
  return {
    "/events": new EventDecoder(check),
    "/write": new InfluxDecoder(check, INFLUX_1),
    "/api/v2/write": new InfluxDecoder(check, INFLUX_2),
    "/api/v1/write": new ProtocolDecoder(REMOTE_WRITE),
    "/v1/metrics": new ProtocolDecoder(OTLP_METRICS),
  };
}
