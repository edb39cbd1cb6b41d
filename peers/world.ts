/**
 * The facts that we read from the cluster: the input of every decision. Owns only their types: read/ makes the facts from
 * raw objects, and runtime/ keeps them current. The facts contain only fields that some code reads, so that a change of
 * any other field causes no work.
 */

import type { Network } from './discovery/network.ts';
import type { MergeOutcome } from './injection/merge-outcome.ts';
import type { PeerReload } from './injection/reload.ts';
import type { ContainerRestarts, PodShape } from './read/pod-shape.ts';
import type { ReloadSidecar } from './read/reload-sidecar.ts';
import type { Reason } from './reasons/reasons.ts';

/** `namespace/name`. */
export type Key = string;
export const keyOf = (namespace: string, name: string): Key => `${namespace}/${name}`;
/** The namespace in a key. */
export const namespaceOf = (key: Key): string => key.split('/')[0] ?? '';

/** Compares strings by code units: the order is the same on every machine. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export interface Named {
  readonly key: Key;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** An address that a StellarNode names, and the field that names it. */
export interface SpecAddress {
  readonly address: string;
  readonly from: string;
}

/** A StellarNode of type Validator that is not being deleted and whose settings are readable. */
export interface Validator extends Named {
  readonly createdAtMs: number;
  readonly network: Network;
  readonly port: number;
  readonly replicas: number;
  readonly suspended: boolean;
  readonly maintenance: boolean;
  /** stellar-core's quorum set as TOML text; undefined if none is given. */
  readonly quorumSet: string | undefined;
  /** True if a validator list (`vlSource`) replaces that quorum set. */
  readonly hasListSource: boolean;
  /** This field and the next five: raw values of annotations that people set; undefined if absent. */
  readonly rollout: string | undefined;
  readonly rollFor: string | undefined;
  readonly adopt: string | undefined;
  readonly budget: string | undefined;
  readonly injection: string | undefined;
  readonly config: string | undefined;
  /** The annotation that asks for the reload sidecar or forbids it. An unknown value counts as `off`. */
  readonly peerReload: PeerReload | undefined;
  /** `host:port` to advertise instead of the Service name; undefined if it is not set or not readable. */
  readonly advertised: string | undefined;
  /** Peers outside the cluster that the StellarNode itself names, in order: for its own list only. */
  readonly ownPeers: readonly SpecAddress[];
  /** Names by which the validator is reached from outside the cluster. No list of peers contains them. */
  readonly outwardNames: readonly SpecAddress[];
  /** Why a part of the StellarNode cannot be used, although the StellarNode is a peer. */
  readonly remark: Reason | undefined;
  /** One reason for each annotation of ours with an unknown key or value. */
  readonly odd: readonly Reason[];
}

/** A StellarNode that is no peer, but that a quorum set may count on. */
export interface Absentee extends Named {
  readonly networkId: string | undefined;
  readonly budget: string | undefined;
  /** NODE_HOME_DOMAIN of its quorumSet, even if the rest cannot be read. */
  readonly homeDomain: string | undefined;
}

/** One StellarNode: a readable validator, an unreadable one, or a node of another kind. */
export type NodeReading =
  | { readonly kind: 'validator'; readonly validator: Validator }
  | { readonly kind: 'unreadable'; readonly node: Absentee; readonly reason: Reason }
  /** With `leaving`, the node is a validator that is being deleted. */
  | { readonly kind: 'other'; readonly leaving?: Absentee };

export interface StatefulSetFacts extends Named {
  /** UID of the controlling StellarNode; undefined if another object, or none, controls the StatefulSet. */
  readonly ownerUid: string | undefined;
  readonly ownerName: string | undefined;
  readonly createdAtMs: number;
  /** True for one that is being deleted. Its controller makes no pod any more. */
  readonly deleting: boolean;
  readonly replicas: number;
  readonly firstOrdinal: number;
  readonly serviceName: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly strategy: string;
  readonly partition: number;
  /** How many pods a roll may take down at once. */
  readonly maxUnavailable: number;
  readonly generation: number;
  readonly observedGeneration: number;
  readonly currentRevision: string;
  readonly updateRevision: string;
  readonly currentReplicas: number;
  /** Our token on the template, see ANNOTATION_PEER_RESTART. */
  readonly restartToken: string | undefined;
  readonly template: PodShape;
  /** True for a StatefulSet that is too large to be kept. Then its template is not known. */
  readonly isTooLarge?: true;
}

export interface PodFacts extends Named {
  /** UID and name of the controlling StatefulSet. */
  readonly ownerUid: string | undefined;
  readonly ownerName: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly deleting: boolean;
  readonly running: boolean;
  readonly ready: boolean;
  readonly coreReady: boolean;
  /** When the Ready condition last changed. This and the next four: ms since the epoch, by the kubelet's clock. */
  readonly readyChangedAtMs: number | undefined;
  /** When the kubelet took the pod. This does not change in the life of the pod. */
  readonly takenAtMs: number | undefined;
  /** When the container that runs stellar-core was last started. */
  readonly startedAtMs: number | undefined;
  /** When the files of peers were last read: at the start of the init container that merges, or else of stellar-core. */
  readonly readAtMs: number | undefined;
  /** When the scheduler gave the pod a node, by the API server's clock. */
  readonly scheduledAtMs: number | undefined;
  /** True while the scheduler finds no node for the pod. */
  readonly unschedulable: boolean;
  readonly ip: string | undefined;
  /** True if our volume is mounted. Our annotations prove nothing, since a template may set them. */
  readonly injected: boolean;
  /** Raw value of ANNOTATION_PEERS, or that of an empty list if the merge found no peers; `peerHash` goes with it. */
  readonly peers: string | undefined;
  readonly peerHash: string | undefined;
  readonly revision: string | undefined;
  /** Our token on the template of which the pod was made, see ANNOTATION_PEER_RESTART. */
  readonly restartToken: string | undefined;
  /** The container that runs stellar-core, if known, or the first one; undefined until the kubelet reports it. */
  readonly container: string | undefined;
  readonly containerRestarts: number;
  /** Of the other running containers with more than one restart, the one that was started last. */
  readonly otherRestarts: ContainerRestarts | undefined;
  /** The sidecar that tells stellar-core of new peers; undefined for a pod without one. */
  readonly reload: ReloadSidecar | undefined;
  readonly mergeOutcome: MergeOutcome | undefined;
  readonly hasReadinessProbe: boolean;
}

/** A Kubernetes label selector. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: ReadonlyArray<{
    readonly key: string;
    readonly operator: string;
    readonly values: readonly string[];
  }>;
}

export interface PdbFacts extends Named {
  /** UID of the StellarNode that controls the budget, if one does: then the operator made the budget. */
  readonly ownerNodeUid: string | undefined;
  readonly selector: LabelSelector | undefined;
  readonly disruptionsAllowed: number;
  readonly desiredHealthy: number;
  readonly expectedPods: number;
  /** False while the status does not reflect the spec yet. */
  readonly current: boolean;
}

export interface ServiceFacts extends Named {
  readonly headless: boolean;
  readonly publishesNotReady: boolean;
}

export interface NamespaceFacts {
  readonly name: string;
  /** True while the namespace is being deleted: then the API server refuses new objects in it. */
  readonly terminating: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly rollout: string | undefined;
  readonly rollFor: string | undefined;
  readonly adopt: string | undefined;
  readonly quorumUnknown: string | undefined;
  readonly peerReload: PeerReload | undefined;
  /** One reason for each annotation of ours with an unknown key or value. */
  readonly odd: readonly Reason[];
}

/** A ConfigMap named `stellar-peers`, or the journal. */
export interface ConfigMapFacts extends Named {
  /** The resourceVersion that was read, which the next write requires. */
  readonly version: string;
  readonly data: Readonly<Record<string, string>>;
  readonly rollout: string | undefined;
  /** Data keys that we hold by server-side apply, in order. */
  readonly ownKeys: readonly string[];
  /** Data keys that another field manager holds by server-side apply, in order. */
  readonly foreignKeys: readonly string[];
}

export interface WebhookFacts {
  readonly version: string;
  readonly createdAtMs: number;
  readonly entries: ReadonlyArray<{
    readonly name: string;
    readonly namespaceSelector: LabelSelector;
    readonly objectSelector: LabelSelector;
    /** True if the rules cover the creation of pods. */
    readonly takesPods: boolean;
    /** CEL expressions; only those that we ship are understood. */
    readonly matchConditions: readonly string[];
    readonly url: string | undefined;
    readonly service:
      | { readonly namespace: string; readonly name: string; readonly path: string; readonly port: number }
      | undefined;
    readonly caBundle: string;
  }>;
}

/** The input of a decision. The maps may change later: a decision is synchronous and keeps none of them. */
export interface World {
  readonly nodes: ReadonlyMap<Key, NodeReading>;
  readonly statefulSets: ReadonlyMap<Key, StatefulSetFacts>;
  readonly pods: ReadonlyMap<Key, PodFacts>;
  readonly pdbs: ReadonlyMap<Key, PdbFacts>;
  readonly services: ReadonlyMap<Key, ServiceFacts>;
  readonly namespaces: ReadonlyMap<string, NamespaceFacts>;
  readonly configMaps: ReadonlyMap<string, ConfigMapFacts>;
  readonly journal: ConfigMapFacts | undefined;
  readonly external: ConfigMapFacts | undefined;
  readonly webhook: WebhookFacts | undefined;
}
