/**
 * The shape of what `stellar-peers explain` says. Owns types only.
 */
import type { Key, SaidAddress } from '../../peers/world.ts';
import type { ShownReason } from './current-reasons.ts';
import type { Count } from './status-shape.ts';

export interface GroupFacts {
  readonly name: string;
  readonly validators: number;
  /** Pods-to-be of those that are peers. */
  readonly members: number;
  /** Addresses outside the cluster. */
  readonly externals: number;
  /** How many the strictest quorum set bears down; null where one cannot be read. */
  readonly tolerance: number | null;
  /** A StellarNode whose quorum set cannot be read, and why. */
  readonly unreadableQuorumSet: string | null;
  /** Why each that counts as down does so. */
  readonly down: Readonly<Record<Key, string>>;
}

export interface PeerFacts {
  readonly address: string;
  readonly validator: Key;
  readonly runs: boolean;
  /** True if it stands in the ConfigMap that the pods mount. */
  readonly published: boolean;
  /** True if it runs with a list that names all pods of the validator: it dials them. */
  readonly names: boolean;
  /** What the HTTP ports of its pods showed of it; null where that is nothing that counts. */
  readonly shown: 'connected' | 'apart' | null;
  /** Pods that started with it. */
  readonly knownBy: Count;
}

/** A peer outside the cluster, and what names it: fields of the StellarNode, or the ConfigMap. */
export interface OutsideFacts {
  readonly address: string;
  readonly from: readonly string[];
}

export interface ViewFacts {
  readonly published: { readonly hash: string; readonly peers: number; readonly since: string } | null;
  /** Those that the validator should know. */
  readonly peers: readonly PeerFacts[];
  /** Those outside the cluster that stand in its files behind them. */
  readonly outside: readonly OutsideFacts[];
}

/** What admission would do to a pod that is created now. */
export interface InjectionFacts {
  readonly webhookIsAsked: boolean;
  readonly injects: boolean;
  readonly notInjected: ShownReason | null;
  /** The file that the peers are put into; null where none is. */
  readonly configuration: string | null;
  readonly notMerged: ShownReason | null;
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
  readonly lacksHeld: ShownReason | null;
  /** What its init container said of the configuration. */
  readonly configuration: { readonly code: string; readonly detail: string } | null;
  /** Null where its HTTP port is not open to us. */
  readonly connections: {
    readonly connected: Count;
    readonly synced: boolean;
    /** What it says of its quorum set; null where it does not say, or is not asked often enough. */
    readonly failAt: number | null;
    readonly missing: number | null;
  } | null;
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
  | { readonly kind: 'wait'; readonly reason: ShownReason };

/** A StellarNode that cannot be read. */
interface Unreadable {
  readonly namespace: string;
  readonly name: string;
  readonly found: 'unreadable';
  readonly decision: Decision;
  readonly reasons: readonly ShownReason[];
}

export interface Explained {
  readonly namespace: string;
  readonly name: string;
  readonly found: 'peer' | 'no peer';
  readonly notPeer: ShownReason | null;
  readonly network: { readonly id: string; readonly title: string };
  readonly port: number;
  readonly replicas: number;
  readonly advertised: string | null;
  readonly annotations: Readonly<Record<string, string>>;
  /** What others dial. */
  readonly addresses: readonly string[];
  /** What its StellarNode says that it is called outside the cluster; no list has it. */
  readonly outwardNames: readonly SaidAddress[];
  readonly strategy: string | ShownReason;
  /** For which peers it is restarted: `unlinked`, `missing` or `all`. */
  readonly rollFor: string | ShownReason;
  readonly group: GroupFacts | null;
  readonly view: ViewFacts | null;
  readonly injection: InjectionFacts | null;
  readonly pods: readonly PodExplanation[];
  readonly journal: readonly JournalFacts[];
  /** As `status` shows it. */
  readonly state: string;
  readonly decision: Decision;
  /** What it is, then why things are not done for it. */
  readonly reasons: readonly ShownReason[];
}

export type Explanation = Explained | Unreadable;
