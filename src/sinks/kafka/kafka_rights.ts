import type { Broker, Cluster } from "kafkajs";

export interface WantedRights {
  readonly topic: string;
  /** Undefined: written without transactions. */
  readonly transaction: { readonly id: string; readonly groupId: string } | undefined;
}

/**
 * A partition that no topic has, and a producer that does not exist: brokers check rights before they check
 * these.
 */
const NO_PARTITION = 2 ** 31 - 1;
const NOBODY = { producerId: -1, producerEpoch: 0 };
/** Kinds of coordinators. */
const [OF_GROUP, OF_TRANSACTION] = [0, 1];
const KEY_ONLY = [{ key: "check", value: null }];

/** Parts of kafkajs that its types leave out. */
interface CoordinatingBroker extends Broker {
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<unknown>;
  addOffsetsToTxn(
    request: { transactionalId: string; groupId: string; producerId: number; producerEpoch: number },
  ): Promise<unknown>;
}

/**
 * Sends the requests of writing in a form that the broker must refuse: for a missing right, or else since
 * there is no such partition or producer. Nothing is written, no transaction is begun and no producer is
 * fenced.
 *
 * @throws kafkajs's error of the missing right.
 */
export async function tryRights(cluster: Cluster, { topic, transaction }: WantedRights): Promise<void> {
  await cluster.refreshMetadata();
  const broker = await cluster.findControllerBroker() as CoordinatingBroker;
  const topicData = [{ topic, partitions: [{ partition: NO_PARTITION, messages: KEY_ONLY }] }];
  await refused(broker.produce({ topicData }), ["UNKNOWN_TOPIC_OR_PARTITION"]);
  if (transaction === undefined) return;
  const { id: transactionalId, groupId } = transaction;
  const coordinator = await coordinatorOf(cluster, broker, transactionalId, OF_TRANSACTION);
  // Needs WRITE on the transactional id and READ on the group.
  await refused(coordinator.addOffsetsToTxn({ transactionalId, groupId, ...NOBODY }), [
    "INVALID_PRODUCER_ID_MAPPING",
    "CONCURRENT_TRANSACTIONS",
    // A cluster creates it with its first transaction.
    "GROUP_LOAD_IN_PROGRESS",
    "NOT_COORDINATOR_FOR_GROUP",
  ]);
  await coordinatorOf(cluster, broker, groupId, OF_GROUP);
  // Storing a position needs READ on the topic.
  const partitions = [{ partition: NO_PARTITION, fetchOffset: "0", maxBytes: 1 }];
  await refused(broker.fetch({ maxWaitTime: 0, topics: [{ topic, partitions }] }), [
    "UNKNOWN_TOPIC_OR_PARTITION",
  ]);
}

/**
 * kafkajs hides why it finds no coordinator, and waits for one that is starting. The broker's own answer
 * tells the reason.
 */
async function coordinatorOf(
  cluster: Cluster,
  broker: CoordinatingBroker,
  groupId: string,
  coordinatorType: number,
): Promise<CoordinatingBroker> {
  const wanted = { groupId, coordinatorType };
  await refused(broker.findGroupCoordinator(wanted), ["GROUP_COORDINATOR_NOT_AVAILABLE"]);
  return await cluster.findGroupCoordinator(wanted) as CoordinatingBroker;
}

async function refused(request: Promise<unknown>, expected: readonly string[]): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!expected.includes((error as { type?: string }).type ?? "")) throw error;
  }
}
