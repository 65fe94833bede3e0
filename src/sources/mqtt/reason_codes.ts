/** What a broker's reason means where an operator can do something about it, and what that is. */
interface Meaning {
  readonly text: string;
  /** Whether it may pass by itself. */
  readonly mayPass?: true;
}

const LOGIN = "check user and password of VABUS_URL, VABUS_USERNAME and VABUS_PASSWORD against the broker's";
const RIGHTS = "grant the user the right to subscribe to the filters of VABUS_URL, and to publish on the " +
  "status topic, or set status=none in the URL";

/** Of MQTT 5, from 0x80 on. */
const OF_5: Readonly<Record<number, Meaning>> = {
  0x80: { text: "unspecified error: look at the broker's log", mayPass: true },
  0x81: { text: "malformed packet: look at the broker's log" },
  0x82: { text: "protocol error: look at the broker's log" },
  0x83: { text: "implementation specific error: look at the broker's log", mayPass: true },
  0x84: { text: "unsupported protocol version: it has neither MQTT 5 nor 3.1.1" },
  0x85: { text: "client identifier not valid: give another INSTANCE_ID" },
  0x86: { text: `bad user name or password: ${LOGIN}` },
  0x87: { text: `not authorized: ${LOGIN}; ${RIGHTS}` },
  0x88: { text: "server unavailable", mayPass: true },
  0x89: { text: "server busy", mayPass: true },
  0x8a: { text: "banned: look at the broker's settings" },
  0x8b: { text: "server shutting down", mayPass: true },
  0x8c: { text: "bad authentication method: only user, password and client certificates are known here" },
  0x8d: { text: "keep alive timeout", mayPass: true },
  0x8e: {
    text: "session taken over: another client has the same client id; does a second handler have this " +
      "INSTANCE_ID?",
  },
  0x8f: { text: "topic filter invalid" },
  0x90: { text: "topic name invalid" },
  0x93: { text: "receive maximum exceeded", mayPass: true },
  0x95: { text: "packet too large" },
  0x96: { text: "message rate too high", mayPass: true },
  0x97: { text: "quota exceeded", mayPass: true },
  0x98: { text: "administrative action", mayPass: true },
  0x9a: { text: "retain not supported: set status=none in the URL" },
  0x9b: { text: "QoS not supported: set qos=1 in the URL" },
  0x9c: { text: "use another server: name that one in VABUS_URL" },
  0x9d: { text: "server moved: name the new one in VABUS_URL" },
  0x9e: { text: "shared subscriptions not supported" },
  0x9f: { text: "connection rate exceeded", mayPass: true },
  0xa1: { text: "subscription identifiers not supported" },
  0xa2: { text: "wildcard subscriptions not supported" },
};

/** The answers of MQTT 3.1.1 to a CONNECT, as codes of MQTT 5. */
const CONNECT_ANSWERS_OF_3: Readonly<Record<number, number>> = {
  1: 0x84,
  2: 0x85,
  3: 0x88,
  4: 0x86,
  5: 0x87,
};

/** Another client has connected with the same client id. */
export const SESSION_TAKEN_OVER = 0x8e;
/** The broker does not have the protocol version. */
export const UNSUPPORTED_VERSION = 0x84;

/** The answer of either version to a CONNECT, as a code of MQTT 5; 0: accepted. */
export function connectAnswer(code: number): number {
  return code < 0x80 ? CONNECT_ANSWERS_OF_3[code] ?? (code === 0 ? 0 : 0x80) : code;
}

/** For operators: `not authorized: …`. */
export function reasonText(code: number): string {
  return OF_5[code]?.text ?? `reason ${code}: look at the broker's log`;
}

/** Whether what a broker refuses may be granted later without a change by an operator. */
export function mayPass(code: number): boolean {
  return OF_5[code]?.mayPass ?? code < 0x80;
}
