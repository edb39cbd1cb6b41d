/**
 * The shape of what `stellar-peers explain` says. Owns types only.
 */
import type { Key } from '../peers/world.ts';
import type { ToldReason } from './reasons-now.ts';
import type { Count } from './status-report.ts';

export interface GroupFacts {
  readonly name: string;
  readonly validators: number;
  /** Pods-to-be of those that are peers. */
  readonly members: number;
  /** Addresses outside the cluster. */
  readonly externals: number;
  /** How many the strictest quorum set bears down; null where one cannot be read. */
  readonly tolerance: number | null;
  readonly unreadableQuorumSet: Key | null;
  /** Why each that counts as down does so. */
  readonly down: Readonly<Record<Key, string>>;
}

export interface PeerFacts {
  readonly address: string;
  readonly validator: Key;
  readonly runs: boolean;
  /** True if it stands in the ConfigMap that the pods mount. */
  readonly published: boolean;
  /** Pods that started with it. */
  readonly knownBy: Count;
}

export interface ViewFacts {
  readonly published: { readonly hash: string; readonly peers: number; readonly since: string } | null;
  /** Those that the validator should know. */
  readonly peers: readonly PeerFacts[];
}

/** What admission would do to a pod that is created now. */
export interface InjectionFacts {
  readonly webhookIsAsked: boolean;
  readonly injects: boolean;
  readonly notInjected: ToldReason | null;
  /** The file that the peers are put into; null where none is. */
  readonly configuration: string | null;
  readonly notMerged: ToldReason | null;
}

export interface PodExplanation {
  readonly name: string;
  readonly ready: boolean;
  readonly created: string;
  /** What it started with; null where it was not injected. */
  readonly stamp: { readonly hash: string; readonly peers: number } | null;
  /** `nothing`, or the drift that a restart would end. */
  readonly lacks: string;
  /** Why what it lacks is no reason for a restart. */
  readonly lacksHeld: ToldReason | null;
  /** What its init container said of the configuration. */
  readonly configuration: { readonly code: string; readonly detail: string } | null;
  /** Null where its HTTP port is not open to us. */
  readonly connections: { readonly connected: Count; readonly synced: boolean } | null;
}

export interface JournalFacts {
  readonly kind: string;
  readonly drift: string;
  readonly began: string;
  readonly ended: string | null;
  readonly outcome: string;
}

/** What the leader would do about it now. */
export type Decision =
  | { readonly kind: 'nothing'; readonly settling: boolean }
  | { readonly kind: 'restart'; readonly how: string; readonly drift: string }
  | { readonly kind: 'wait'; readonly reason: ToldReason };

/** A StellarNode that cannot be read. */
interface Unreadable {
  readonly namespace: string;
  readonly name: string;
  readonly found: 'unreadable';
  readonly decision: Decision;
}

export interface Explained {
  readonly namespace: string;
  readonly name: string;
  readonly found: 'peer' | 'no peer';
  readonly notPeer: ToldReason | null;
  readonly network: { readonly id: string; readonly title: string };
  readonly port: number;
  readonly replicas: number;
  readonly advertised: string | null;
  readonly annotations: Readonly<Record<string, string>>;
  /** What others dial. */
  readonly addresses: readonly string[];
  readonly strategy: string | ToldReason;
  readonly group: GroupFacts | null;
  readonly view: ViewFacts | null;
  readonly injection: InjectionFacts | null;
  readonly pods: readonly PodExplanation[];
  readonly journal: readonly JournalFacts[];
  readonly decision: Decision;
}

export type Explanation = Explained | Unreadable;
