import Cluster from "kafkajs/src/cluster/index.js";
import Connection from "kafkajs/src/network/connection.js";

/** Whose coordinator is wanted. */
interface Coordinated {
  /** Or the transactional id. */
  readonly groupId: string;
  readonly coordinatorType?: number;
}

interface Coordinator {
  readonly nodeId: number;
}

interface OfCluster {
  findBroker(of: Coordinator): Promise<Coordinator>;
}

/** The nodes that coordinate for a cluster object, by whom they do it for. */
let nodes = new WeakMap<OfCluster, Map<string, number>>();

/**
 * kafkajs 2.2.4 asks for the coordinator anew before each request to it, which is four of the nine round
 * trips of a transaction. So the answer is kept until any request fails, as those to a node do which
 * coordinates no longer.
 */
const find: (this: OfCluster, of: Coordinated) => Promise<Coordinator> =
  Cluster.prototype.findGroupCoordinator;
Cluster.prototype.findGroupCoordinator = async function (this: OfCluster, of: Coordinated) {
  const key = JSON.stringify([of.groupId, of.coordinatorType]);
  const nodeId = nodes.get(this)?.get(key);
  if (nodeId !== undefined) {
    // It is connected again where it was idle for long. Where that fails, another may coordinate.
    const broker = await this.findBroker({ nodeId }).catch(() => undefined);
    if (broker !== undefined) return broker;
  }
  const broker = await find.call(this, of);
  nodes.set(this, (nodes.get(this) ?? new Map()).set(key, broker.nodeId));
  return broker;
};

const send: (...request: unknown[]) => Promise<unknown> = Connection.prototype.send;
Connection.prototype.send = async function (...request: unknown[]) {
  try {
    return await send.apply(this, request);
  } catch (error) {
    nodes = new WeakMap();
    throw error;
  }
};
