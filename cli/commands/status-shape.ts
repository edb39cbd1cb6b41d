/**
 * The fields of `stellar-peers status`: a promise to programs. docs/command.md has them, and none changes its meaning.
 */
import type { ReasonCode } from '../../peers/reasons/reasons.ts';
import type { Key } from '../../peers/world.ts';
import type { ShownReason } from './current-reasons.ts';

/** So many of so many. */
export interface Count {
  readonly count: number;
  readonly of: number;
}

interface Underway {
  readonly statefulSet: Key;
  readonly kind: string;
  readonly drift: string;
  readonly since: string;
}

export interface NetworkStatus {
  readonly network: string;
  readonly title: string;
  /** The network, with PEER_SCOPE=namespace after its namespace: who may know each other. */
  readonly group: string;
  /** Validators that are up, of all. */
  readonly validators: Count;
  readonly peers: {
    /** Peers that the pods started with, of those that are published for them. */
    readonly known: Count;
    /** Members of the network whose pods run. */
    readonly live: Count;
    /** Connections between them, of those wanted; null where no HTTP port is open to us. */
    readonly connected: Count | null;
  };
  readonly quorum: {
    /** How many the strictest quorum set bears down; null where one cannot be read. */
    readonly tolerance: number | null;
    readonly down: readonly Key[];
    /** How many more it would bear now; null where that is not known. */
    readonly margin: number | null;
  };
  readonly inFlight: readonly Underway[];
  readonly unadopted: readonly Key[];
  /** Validators for which something is still to come or to be done. */
  readonly waiting: number;
}

export interface PodStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly injected: boolean;
  /** How many peers it started with; null where it was not injected. */
  readonly knows: number | null;
  /** Of the published peers, those that run and that it names or that name it; null where it was not injected. */
  readonly linked: Count | null;
  readonly hash: string | null;
  readonly connected: Count | null;
  readonly synced: boolean | null;
}

export interface ValidatorStatus {
  readonly network: string | null;
  readonly namespace: string;
  readonly name: string;
  readonly ready: Count | null;
  readonly pods: readonly PodStatus[];
  readonly published: { readonly peers: number; readonly hash: string; readonly since: string } | null;
  /** What it is: `Current`, or the code of what is told of it first. */
  readonly state: ReasonCode | 'Current';
}

export interface StatusReport {
  /** What stands on the ConfigMap that all restarts obey; null for nothing. */
  readonly rollout: string | null;
  readonly networks: readonly NetworkStatus[];
  readonly validators: readonly ValidatorStatus[];
  readonly waiting: ReadonlyArray<{ readonly subject: Key } & ShownReason>;
}
