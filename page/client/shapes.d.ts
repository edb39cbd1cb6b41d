/** The types of the stream's messages, as the server declares them. */
import type { Snapshot as Sent, ServingReplica } from '../snapshot.ts';

export type Serving = ServingReplica & { readonly nowMs: number };
export type Snapshot = Sent;
export type NetworkShown = Sent['networks'][number];
export type Row = NetworkShown['rows'][number];
export type WaitingRow = Sent['waiting'][number];
export type RestartRow = Sent['restarts'][number];
