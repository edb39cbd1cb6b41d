/** Lists the running pods that may get a signal, and where each of their peers can be dialled now. Pure. */
import type { Cluster, Group, Member } from '../../../peers/discovery/discover.ts';
import { isRunning, podOf, podsOf, type RunningPod } from '../../../peers/discovery/pods.ts';
import { pushAll } from '../../../peers/lists.ts';
import type { PeerList } from '../../../peers/views/views.ts';
import type { Key, PodFacts, Validator } from '../../../peers/world.ts';
import { updateStrategyOf } from '../restarts/update-strategy.ts';

/** A peer as `connect` takes it. */
export interface Dial {
  /** `host:port`. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** The process at that address, if it is a pod of the cluster: another process is to be dialled anew. */
  readonly process?: string;
  /** True if the peer is told of the validator instead: two ends that dial at once can drop both connections. */
  readonly yields?: boolean;
}

interface ExpectedPeer {
  readonly digest: string;
  /** The addresses under which the peer may appear in stellar-core's list of its connections. */
  readonly addresses: readonly string[];
  /** Undefined if the peer does not run, or may appear under another address: then its absence proves nothing. */
  readonly process: string | undefined;
}

/** One running stellar-core process. A replaced pod, or a container that restarts, is another one. */
export interface SignalTarget {
  /** UID of the pod and restart count of its container. The signals that were sent are remembered by this key. */
  readonly process: string;
  readonly uid: string;
  readonly pod: Key;
  readonly node: Key;
  /** IPv4 address of the pod. */
  readonly host: string;
  readonly ready: boolean;
  /** True while the validator is paused or in maintenance: the leader may ask its port, but sends no signal. */
  readonly muted: boolean;
  readonly dials: readonly Dial[];
  readonly expected: readonly ExpectedPeer[];
}

export interface SignalInput extends Cluster {
  readonly peerListOf: (validator: Validator) => PeerList | undefined;
  readonly settings: { readonly ownNamespace: string };
  /** False for a process whose HTTP port is known to be closed: no target is made for that process. */
  readonly mayListen: (process: string) => boolean;
  /** True for a process whose last call was answered. */
  readonly isOpen: (process: string) => boolean;
}

/** All that can be signalled now. */
export interface SignalScope {
  readonly targets: readonly SignalTarget[];
  /** All running processes, those that do not listen included. */
  readonly processes: ReadonlySet<string>;
}

/** All targets, and all running processes, of all groups. */
export function signalScope(input: SignalInput): SignalScope {
  const { discovery, mayListen } = input;
  const targets: SignalTarget[] = [];
  const processes = new Set<string>();
  for (const group of discovery.groups.values()) {
    const callable = callableIn(group, input);
    for (const validator of group.validators) {
      if (discovery.skipped.has(validator.key)) continue;
      const running = runningPodsOf(validator, input);
      for (const pod of running) processes.add(processOf(pod));
      const open = running.filter((pod) => mayListen(processOf(pod)));
      if (open.length > 0) pushAll(targets, targetsOf(validator, open, callable, input));
    }
  }
  return { targets, processes };
}

/** The members of a group that can be told of peers, by the keys of their pods. */
type Callable = ReadonlyMap<Key, Caller>;

interface Caller {
  readonly digest: string;
  /** The digests of the peers that the member is told of. */
  readonly peers: ReadonlySet<string>;
  /** True if the port of the member is known to be open. */
  readonly isOpen: boolean;
}

function callableIn({ validators, members }: Group, input: SignalInput): Callable {
  const found = new Map<Key, Caller>();
  const own = Map.groupBy(members, ({ node }) => node);
  for (const validator of validators) {
    const processes = (own.get(validator.key) ?? []).flatMap((member) => {
      const pod = runningPodOf(member, input);
      return pod && input.mayListen(processOf(pod)) ? [{ member, process: processOf(pod) }] : [];
    });
    if (processes.length === 0 || isMuted(validator, input)) continue;
    const peers = new Set(input.peerListOf(validator)?.view.map(({ digest }) => digest));
    for (const { member, process } of processes)
      found.set(member.podKey, { digest: member.digest, peers, isOpen: input.isOpen(process) });
  }
  return found;
}

/** True while the validator is paused or in maintenance. */
const isMuted = (validator: Validator, { world, settings }: SignalInput): boolean =>
  validator.maintenance || updateStrategyOf(validator, world, settings.ownNamespace).kind === 'hold';

/** Which end of a pair is told, the same whichever end asks. Half of a validator's peers dial it. */
function isTeller(own: string, peer: string): boolean {
  const isEven = (Number.parseInt(own.slice(-1), 16) + Number.parseInt(peer.slice(-1), 16)) % 2 === 0;
  return own < peer === isEven;
}

/** True if the peer is told of the pod, and so the pod is not told of the peer. An end that is known to be open comes first. */
function isLeftTo({ podKey }: Member, pod: PodFacts, callable: Callable): boolean {
  const [own, peer] = [callable.get(pod.key), callable.get(podKey)];
  if (!own || !peer?.peers.has(own.digest)) return false;
  return own.isOpen === peer.isOpen ? !isTeller(own.digest, peer.digest) : peer.isOpen;
}

const processOf = (pod: PodFacts): string => `${pod.uid}/${pod.containerRestarts}`;

function runningPodsOf({ key }: Validator, { world, discovery }: SignalInput): RunningPod[] {
  return podsOf(world, discovery.statefulSetOf.get(key)).filter(isRunning);
}

function targetsOf(
  validator: Validator,
  pods: readonly RunningPod[],
  callable: Callable,
  input: SignalInput,
): SignalTarget[] {
  const { view, externals } = input.peerListOf(validator) ?? { view: [], externals: [] };
  const peers = view.map((member) => ({ member, pod: runningPodOf(member, input) }));
  const common = {
    node: validator.key,
    muted: isMuted(validator, input),
    expected: peers.map(({ member, pod }) => ({
      digest: member.digest,
      addresses: [member.address, ...(pod ? [`${pod.ip}:${member.port}`] : [])],
      process: pod && !member.isAdvertised ? processOf(pod) : undefined,
    })),
  };
  return pods.map((pod) => ({
    ...common,
    dials: dialsOf(pod, peers, externals, callable),
    process: processOf(pod),
    uid: pod.uid,
    pod: pod.key,
    host: pod.ip,
    ready: pod.ready,
  }));
}

interface Peer {
  readonly member: Member;
  readonly pod: RunningPod | undefined;
}

/** Members can share one advertised address, and an external peer can be a member too: each address is dialled once. */
function dialsOf(
  pod: RunningPod,
  peers: readonly Peer[],
  externals: readonly string[],
  callable: Callable,
): Dial[] {
  const toPeers = peers.flatMap((peer) =>
    dialOf(peer).map((dial) => (isLeftTo(peer.member, pod, callable) ? { ...dial, yields: true } : dial)),
  );
  const dials = [...toPeers, ...externals.map(dialTo)].map((dial) => [dial.address, dial] as const);
  return [...new Map(dials).values()];
}

function runningPodOf(member: Member, { world, discovery }: SignalInput): RunningPod | undefined {
  const pod = podOf(member, world, discovery);
  return isRunning(pod) ? pod : undefined;
}

/**
 * The address of a running peer: the advertised one, else the IP address of its pod. Not the DNS name: stellar-core
 * would resolve the name on its main thread, and DNS may not know the name of a new pod for seconds.
 */
function dialOf({ member, pod }: Peer): Dial[] {
  if (!pod) return [];
  const dial = dialTo(member.isAdvertised ? member.address : `${pod.ip}:${member.port}`);
  return [{ ...dial, process: processOf(pod) }];
}

function dialTo(address: string): Dial {
  const colon = address.lastIndexOf(':');
  return { address, host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
