/** What a message with measurements, or about the life of who sends them, is. */
export type MessageType = "NBIRTH" | "NDATA" | "NDEATH" | "DBIRTH" | "DDATA" | "DDEATH";

/** A topic of Sparkplug B: `spBv1.0/GROUP/TYPE/NODE`, and `/DEVICE` for the messages of devices. */
export interface SparkplugTopic {
  readonly type: MessageType;
  readonly group: string;
  readonly node: string;
  /** Undefined: the message is the node's own. */
  readonly device: string | undefined;
}

const NAMESPACE = "spBv1.0";
const OF_NODES = ["NBIRTH", "NDATA", "NDEATH"];
const OF_DEVICES = ["DBIRTH", "DDATA", "DDEATH"];
/** Commands, and the state of host applications: they have no measurements. */
const WITHOUT_MEASUREMENTS = ["NCMD", "DCMD"];
const SHOWN_CHARACTERS = 100;

/**
 * Reads a topic. Undefined: its messages have no measurements. A text: what is wrong with it, for the
 * operator.
 */
export function parseTopic(topic: string | undefined): SparkplugTopic | string | undefined {
  if (topic === undefined) return "no topic, which says of whom a Sparkplug message is";
  const levels = topic.split("/");
  const [namespace, group = "", type = "", node = "", device] = levels;
  // Hosts of version 2.2 have their state below a namespace of its own.
  if (namespace === "STATE" || (namespace === NAMESPACE && group === "STATE")) return undefined;
  const isOfNode = levels.length === 4 && OF_NODES.includes(type);
  const isOfDevice = levels.length === 5 && OF_DEVICES.includes(type) && device !== "";
  if (namespace === NAMESPACE && group !== "" && node !== "") {
    if (isOfNode || isOfDevice) return { type: type as MessageType, group, node, device };
    if (WITHOUT_MEASUREMENTS.includes(type)) return undefined;
  }
  const shown = topic.length > SHOWN_CHARACTERS ? `${topic.slice(0, SHOWN_CHARACTERS)}…` : topic;
  return `the topic ${JSON.stringify(shown)} is none of Sparkplug B, such as spBv1.0/GROUP/NDATA/NODE or ` +
    "spBv1.0/GROUP/DDATA/NODE/DEVICE";
}
