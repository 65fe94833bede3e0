import { lengthField, varintField } from "../protobuf/wire_writer.ts";
import { BOOLEAN } from "./data_type.ts";

/** The message that asks a node to send its birth certificates again. */
export interface RebirthCommand {
  readonly topic: string;
  readonly payload: Uint8Array;
}

const ENCODER = new TextEncoder();

/** @param nowMs Wall clock, Unix ms. */
export function rebirthCommand(group: string, node: string, nowMs: number): RebirthCommand {
  const metric = [
    lengthField(1, ENCODER.encode("Node Control/Rebirth")),
    varintField(3, nowMs),
    varintField(4, BOOLEAN),
    varintField(14, 1),
  ];
  const payload = [varintField(1, nowMs), lengthField(2, joined(metric))];
  return { topic: commandTopic(group, node), payload: joined(payload) };
}

/** Where a node gets its commands. */
export function commandTopic(group: string, node: string): string {
  return `spBv1.0/${group}/NCMD/${node}`;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
