import type { Broker, Cluster } from "kafkajs";

export interface WantedRights {
  readonly topic: string;
  /** Undefined: written without transactions. */
  readonly transaction: { readonly id: string; readonly groupId: string } | undefined;
}

/** A partition that no topic has, and a producer that nobody is: brokers look at the rights before they look at these. */
const NO_PARTITION = 2 ** 31 - 1;
const NOBODY = { producerId: -1, producerEpoch: 0 };
/** Kinds of coordinators. */
const [OF_GROUP, OF_TRANSACTION] = [0, 1];
const KEY_ONLY = [{ key: "check", value: null }];

/** What kafkajs has beyond its types. */
interface CoordinatingBroker extends Broker {
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<unknown>;
  addOffsetsToTxn(
    request: { transactionalId: string; groupId: string; producerId: number; producerEpoch: number },
  ): Promise<unknown>;
}

/**
 * Asks for all that writing asks for, each in a way that the broker can only refuse: because of a right that is missing, or
 * else because there is no such partition or producer. Nothing is written, no transaction begun, no producer fenced.
 *
 * @throws kafkajs's error of the right that is missing.
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
    // On a cluster without a transaction so far it is only just made.
    "GROUP_LOAD_IN_PROGRESS",
    "NOT_COORDINATOR_FOR_GROUP",
  ]);
  await coordinatorOf(cluster, broker, groupId, OF_GROUP);
  // A position is kept by whoever may READ the topic.
  const partitions = [{ partition: NO_PARTITION, fetchOffset: "0", maxBytes: 1 }];
  await refused(broker.fetch({ maxWaitTime: 0, topics: [{ topic, partitions }] }), [
    "UNKNOWN_TOPIC_OR_PARTITION",
  ]);
}

/** kafkajs keeps the reason to itself why it finds none, and waits for one that is only starting; the broker itself tells it. */
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
