/**
 * Whom a signal may go to, and what it would say: running pods that are a validator's own, and where each peer of
 * its view can be dialled now. Pure.
 */
import type { Discovery, Member } from '../../../peers/discovery/discover.ts';
import { podOf, podsOf } from '../../../peers/discovery/pods.ts';
import { pushAll } from '../../../peers/lists.ts';
import type { PeerList } from '../../../peers/views/views.ts';
import type { Key, PodFacts, Validator, World } from '../../../peers/world.ts';
import { updateStrategyOf } from '../restarts/update-strategy.ts';

/** A peer as `connect` takes it. */
export interface Dial {
  /** `host:port`. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
}

/** A peer that a validator should know. */
interface ExpectedPeer {
  readonly digest: string;
  /** Those under which it would show. */
  readonly addresses: readonly string[];
  /** Undefined where it does not run, or may show under another address: then its absence says nothing. */
  readonly process: string | undefined;
}

/** One running stellar-core: a pod, until it is replaced or its container restarts. */
export interface SignalTarget {
  /** UID of the pod and count of its container's restarts: what was told is remembered for this. */
  readonly process: string;
  readonly uid: string;
  readonly pod: Key;
  readonly node: Key;
  /** IPv4 address of the pod. */
  readonly host: string;
  readonly ready: boolean;
  /** True while the validator is paused or in maintenance: it may be asked, but is told nothing. */
  readonly muted: boolean;
  readonly dials: readonly Dial[];
  /** The peers that it should know. */
  readonly expected: readonly ExpectedPeer[];
}

export interface SignalInput {
  readonly world: World;
  readonly discovery: Discovery;
  /** What stands, or should stand, in a validator's files. */
  readonly peerListOf: (validator: Validator) => PeerList | undefined;
  readonly settings: { readonly ownNamespace: string };
  /** False for a process that is known not to listen: nothing is worked out for it. */
  readonly mayListen: (process: string) => boolean;
}

/** What there is to signal now. */
export interface SignalScope {
  readonly targets: readonly SignalTarget[];
  /** All running processes, those that do not listen included. */
  readonly processes: ReadonlySet<string>;
}

/** All targets there are now. */
export function signalScope(input: SignalInput): SignalScope {
  const { discovery, mayListen } = input;
  const targets: SignalTarget[] = [];
  const processes = new Set<string>();
  for (const group of discovery.groups.values()) {
    for (const validator of group.validators) {
      if (discovery.skipped.has(validator.key)) continue;
      const running = runningPodsOf(validator, input);
      for (const pod of running) processes.add(processOf(pod));
      const open = running.filter((pod) => mayListen(processOf(pod)));
      if (open.length > 0) pushAll(targets, targetsOf(validator, open, input));
    }
  }
  return { targets, processes };
}

type RunningPod = PodFacts & { readonly ip: string };

const processOf = (pod: PodFacts): string => `${pod.uid}/${pod.containerRestarts}`;

function runningPodsOf({ key }: Validator, { world, discovery }: SignalInput): RunningPod[] {
  const statefulSet = discovery.statefulSetOf.get(key);
  return statefulSet ? podsOf(world, statefulSet).filter(isRunning) : [];
}

function targetsOf(validator: Validator, pods: readonly RunningPod[], input: SignalInput): SignalTarget[] {
  const { world, settings } = input;
  const { view, externals } = input.peerListOf(validator) ?? { view: [], externals: [] };
  const held = updateStrategyOf(validator, world, settings.ownNamespace).kind === 'hold';
  const peers = view.map((member) => ({ member, pod: runningPodOf(member, input) }));
  // Replicas behind one advertised address share it, and an outside peer may be one of ours: dialled once.
  const dials = new Map(
    [...peers.flatMap(dialOf), ...externals.map(dialTo)].map((dial) => [dial.address, dial]),
  );
  const common = {
    node: validator.key,
    muted: validator.maintenance || held,
    dials: [...dials.values()],
    expected: peers.map(({ member, pod }) => ({
      digest: member.digest,
      addresses: [member.address, ...(pod ? [`${pod.ip}:${member.port}`] : [])],
      process: pod && !member.isAdvertised ? processOf(pod) : undefined,
    })),
  };
  return pods.map((pod) => ({
    ...common,
    process: processOf(pod),
    uid: pod.uid,
    pod: pod.key,
    host: pod.ip,
    ready: pod.ready,
  }));
}

const isRunning = (pod: PodFacts): pod is RunningPod => pod.running && !pod.deleting && pod.ip !== undefined;

function runningPodOf(member: Member, { world, discovery }: SignalInput): RunningPod | undefined {
  const pod = podOf(member, world, discovery);
  return pod && isRunning(pod) ? pod : undefined;
}

/**
 * Where a running peer is dialled: at what it advertises, else at its pod's address. stellar-core resolves a name
 * that it is given by `connect` on its main thread, and the name of a new pod may not be known for seconds.
 */
function dialOf({ member, pod }: { member: Member; pod: RunningPod | undefined }): Dial[] {
  if (!pod) return [];
  return [dialTo(member.isAdvertised ? member.address : `${pod.ip}:${member.port}`)];
}

function dialTo(address: string): Dial {
  const colon = address.lastIndexOf(':');
  return { address, host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
