/**
 * The plan of a history, drawn from its seed before it is played: the validators, the settings, the faults, and the
 * actions of people. A plan is plain data, so a part of it can be left out and the rest played again.
 */
import { Random } from '../random.ts';
import { DEEDS, type Deed, type Later, NAMESPACES } from './deeds.ts';
import { HINDRANCES } from './hindrances.ts';
import { type PortPlan, withPorts } from './port-plan.ts';
import { reloadSettings, type SidecarPlan, withSidecars } from './sidecar-plan.ts';
import { TWISTS } from './twists.ts';

export interface NodePlan {
  readonly namespace: string;
  readonly name: string;
  /** The index of its network. */
  readonly network: number;
  /** The time from running until Ready, in ms; null for never. */
  readonly readyMs: number | null;
  readonly replicas: number;
  /** The home domain in its automatic quorum set; default: its namespace. */
  readonly homeDomain?: string | undefined;
  /** Its HTTP port; default: closed. */
  readonly port?: PortPlan | undefined;
  /** The sidecar of its injected pods; default: none. */
  readonly sidecar?: SidecarPlan | undefined;
}

export interface NetworkPlan {
  readonly isPublic: boolean;
  /** The threshold of the flat quorum set; null for a quorum set that cannot be read. */
  readonly percent: number | null;
  /** True for automatic sets of home domains instead. Public networks then also have domains of other operators. */
  readonly hasDomains?: boolean;
  /** The number of members of the flat set that are not StellarNodes. */
  readonly absent?: number;
}

/** The rates of faults until the calm. */
export interface Rates {
  readonly latencyMs: number;
  readonly refused: number;
  readonly lost: number;
  readonly conflict: number;
  /** Requests that take longer than the client waits, but are carried out. */
  readonly slow: number;
  readonly watchDelayMs: number;
  /** Per minute. */
  readonly cuts: number;
}

export type Action = Deed & { readonly atMs: number };

export interface Plan {
  readonly seed: number;
  readonly networks: readonly NetworkPlan[];
  readonly nodes: readonly NodePlan[];
  /** How many of the nodes exist from the start. */
  readonly founders: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly rates: Rates;
  readonly actions: readonly Action[];
  readonly calmAtMs: number;
  /** The number of machines, if limited. Validators of one network and namespace never share a machine. */
  readonly machines?: number | undefined;
  /** How far the clock of each machine is ahead, in ms. */
  readonly kubeletSkewsMs?: readonly number[];
  /** True to behave like Kubernetes up to 1.35. */
  readonly isOldKubernetes?: boolean;
  /** True if, on private networks, a pod without peers never becomes Ready. */
  readonly needPeers?: boolean;
}

const MINUTE_MS = 60_000;
/** No faults and actions before this time, so that the network can start. */
const FIRST_ACTION_MS = 20_000;
export const CALM: Rates = {
  latencyMs: 5,
  refused: 0,
  lost: 0,
  conflict: 0,
  slow: 0,
  watchDelayMs: 20,
  cuts: 0,
};

/** True if requests neither fail nor take long, and no replica is frozen. */
export function isSmooth({ rates, actions }: Plan): boolean {
  const isQuiet = rates.refused + rates.lost + rates.conflict + rates.slow === 0;
  const isPrompt = isQuiet && rates.watchDelayMs === CALM.watchDelayMs;
  return isPrompt && !actions.some((action) => action.do.startsWith('freeze'));
}

/** The plan of a seed. */
export function planOf(seed: number): Plan {
  const random = new Random(seed);
  const drawnNetworks = Array.from({ length: random.int(1, 3) }, () => ({
    isPublic: random.chance(0.25),
    percent: random.chance(0.3) ? null : random.pick([51, 51, 60, 66, 67, 80]),
  }));
  // A separate random source, so that new draws here do not change the rest of each history.
  const sets = random.fork('quorum sets');
  const networks = drawnNetworks.map((each) => ({
    ...each,
    hasDomains: sets.chance(0.3),
    absent: sets.chance(0.2) ? 1 : 0,
  }));
  const drawnNodes = Array.from({ length: random.int(3, 10) }, (_, index) =>
    nodeOf(index, networks.length, random),
  );
  const ported = withPorts(drawnNodes, random.fork('ports'));
  const housed = withDomains(ported, random.fork('home domains'));
  const nodes = withSidecars(housed, random.fork('sidecars'));
  const calmAtMs = FIRST_ACTION_MS + random.int(2, 8) * MINUTE_MS;
  const founders = random.int(1, Math.max(2, nodes.length - 2));
  const base = { seed, networks, nodes, founders, calmAtMs };
  const done = [...joins(base, random), ...deeds(base, random)];
  const [drawn, rates] = [settingsOf(random), ratesOf(random)];
  const rule = random.fork('rollFor');
  const ruled = { ...drawn, ROLL_FOR: rule.pick(['auto', 'auto', 'unlinked', 'missing', 'all']) };
  const settings = { ...ruled, ...reloadSettings(random.fork('reload')) };
  const rules = Array.from({ length: rule.int(0, 2) }, () => ruleOf(base, rule));
  const lasting = hindrances(base, random.fork('hindrances'));
  const actions = [
    ...done,
    ...rules,
    ...lasting,
    ...twists(base, random.fork('twists')),
    ...failures(base, random.fork('failures')),
    ...sidecarEnds(base, random.fork('sidecars that end')),
    ...machines(base, random.fork('machines')),
  ].sort((a, b) => a.atMs - b.atMs);
  const standing = standingOf(nodes, random.fork('standing'));
  return { ...base, ...standing, settings, rates, actions };
}

/** The conditions for the whole history: the number of machines, the clocks, and the version of Kubernetes. */
function standingOf(nodes: readonly NodePlan[], random: Random): Partial<Plan> {
  const most = Math.max(...NAMESPACES.map((name) => nodes.filter((each) => each.namespace === name).length));
  const skew = () => random.pick([0, 0, -600_000, -60_000, -5_000, 5_000, 60_000, 600_000]);
  return {
    machines: random.chance(0.15) ? Math.max(1, most - random.int(0, 1)) : undefined,
    isOldKubernetes: random.chance(0.5),
    kubeletSkewsMs: random.chance(0.25) ? Array.from({ length: random.int(1, 5) }, skew) : [],
    needPeers: random.chance(0.4),
  };
}

function nodeOf(index: number, networks: number, random: Random): NodePlan {
  const slow = random.int(15_000, 60_000);
  return {
    namespace: random.pick(NAMESPACES),
    name: `v${index}`,
    network: random.int(0, networks - 1),
    readyMs: random.chance(0.08) ? null : random.chance(0.15) ? slow : random.int(500, 5_000),
    replicas: random.chance(0.08) ? 2 : 1,
  };
}

/** In some histories home domains and namespaces differ: a domain may be in several namespaces, and the reverse. */
function withDomains(nodes: readonly NodePlan[], random: Random): NodePlan[] {
  const hasOthers = random.chance(0.4);
  return nodes.map((node) => ({
    ...node,
    homeDomain: hasOthers ? random.pick(['one.example', 'one.example', 'two.example']) : undefined,
  }));
}

/** A person sets the annotation `peer-roll-for` for one validator. */
function ruleOf({ nodes, calmAtMs }: Pick<Plan, 'nodes' | 'calmAtMs'>, random: Random): Action {
  return {
    do: 'annotate',
    node: random.int(0, nodes.length - 1),
    key: 'stellar.org/peer-roll-for',
    value: random.pick(['unlinked', 'missing', 'all', 'auto', 'linked', null]),
    atMs: random.int(FIRST_ACTION_MS, calmAtMs),
  };
}

function settingsOf(random: Random): Record<string, string> {
  return {
    ROLL_BELOW: random.pick(['8', '8', '3', 'all']),
    MAX_UNAVAILABLE: random.pick(['1', '1', '1', '2', '34%']),
    QUORUM_CHECK: random.pick(['hold', 'hold', 'hold', 'warn', 'off']),
    MIN_READY_SECONDS: String(random.int(2, 20)),
    MIN_RESTART_INTERVAL_SECONDS: String(random.int(0, 30)),
    MAX_RESTARTS_PER_HOUR: random.pick(['1000', '1000', '12', '3']),
    STABILIZATION_SECONDS: String(random.int(0, 10)),
    DELETE_MIN_AGE_SECONDS: String(random.int(1, 20)),
    ADOPT_EXISTING: random.pick(['hold', 'restart']),
    PROGRESS_DEADLINE_SECONDS: random.pick(['3600', '3600', '30', '90']),
    ROLLOUT_WINDOWS: random.pick([
      '',
      '',
      '',
      '',
      'daily 12:02-12:05; daily 12:09-12:30',
      'daily 11:00-12:04',
    ]),
    EXPECTED_RESTART_SECONDS: random.pick(['5', '60']),
    PEER_SCOPE: random.chance(0.2) ? 'namespace' : 'cluster',
    LEASE_DURATION_SECONDS: '6',
    REQUEST_TIMEOUT_SECONDS: '1',
    RESYNC_SECONDS: random.pick(['5', '60', '300']),
  };
}

/** No faults, one kind of fault, or all kinds. */
function ratesOf(random: Random): Rates {
  const weather = random.pick(['calm', 'refused', 'lost', 'conflict', 'slow', 'late', 'storm', 'storm']);
  const of = (name: string, value: number) => (weather === 'storm' || weather === name ? value : 0);
  return {
    latencyMs: random.pick([2, 10, 80]),
    refused: of('refused', 0.15),
    lost: of('lost', 0.1),
    conflict: of('conflict', 0.1),
    slow: of('slow', 0.05),
    watchDelayMs: of('late', random.pick([300, 3_000])) || 20,
    cuts: of('late', 2),
  };
}

type Base = Pick<Plan, 'nodes' | 'founders' | 'calmAtMs'>;

function joins({ nodes, founders, calmAtMs }: Base, random: Random): Action[] {
  const together = random.chance(0.4) ? random.int(FIRST_ACTION_MS, calmAtMs) : undefined;
  return nodes.slice(founders).map((_, index) => ({
    atMs: together ?? random.int(FIRST_ACTION_MS, calmAtMs),
    do: 'join' as const,
    node: founders + index,
  }));
}

function deeds({ nodes, calmAtMs }: Base, random: Random): Action[] {
  const actions: Action[] = [];
  for (let count = random.int(0, 14); count > 0; count -= 1) {
    const atMs = random.int(FIRST_ACTION_MS, calmAtMs);
    const node = random.int(0, nodes.length - 1);
    actions.push(...dated(random.pick(DEEDS)(node, random), atMs, calmAtMs));
  }
  return actions;
}

/** Obstacles that last for minutes or until they are lifted: none in half of the histories, else a few. */
function hindrances({ nodes, calmAtMs }: Base, random: Random): Action[] {
  const count = random.chance(0.5) ? 0 : random.int(1, 3);
  return Array.from({ length: count }).flatMap(() => {
    const node = random.int(0, nodes.length - 1);
    const { namespace = '', name = '' } = nodes[node] ?? {};
    const atMs = random.int(FIRST_ACTION_MS, calmAtMs);
    return dated(random.pick(HINDRANCES)({ node, namespace, name }, random), atMs, calmAtMs);
  });
}

/** Actions in the middle of restarts: none in half of the histories. */
function twists({ nodes, calmAtMs }: Base, random: Random): Action[] {
  const count = random.chance(0.5) ? 0 : random.int(1, 4);
  return Array.from({ length: count }).flatMap(() => {
    const node = random.int(0, nodes.length - 1);
    const { namespace = '' } = nodes[node] ?? {};
    const atMs = random.int(FIRST_ACTION_MS, calmAtMs);
    return random
      .pick(TWISTS)({ node, namespace }, random)
      .map((each) => ({ ...each, atMs }));
  });
}

/** Pods that fail, one or several in a row: none in two of three histories. */
function failures({ nodes, calmAtMs }: Base, random: Random): Action[] {
  if (random.chance(0.67)) return [];
  const fromMs = random.int(FIRST_ACTION_MS, calmAtMs);
  return Array.from({ length: random.int(1, 6) }, () => ({
    do: 'fail' as const,
    node: random.int(0, nodes.length - 1),
    atMs: Math.min(calmAtMs, fromMs + random.int(0, random.pick([2_000, 60_000]))),
  }));
}

/** Sidecars that end, once or repeatedly with growing pauses: none in half of the histories. */
function sidecarEnds({ nodes, calmAtMs }: Base, random: Random): Action[] {
  const node = random.int(0, nodes.length - 1);
  let atMs = random.int(FIRST_ACTION_MS, calmAtMs);
  const count = random.chance(0.5) ? 0 : random.pick([1, 1, 2, 6]);
  return Array.from({ length: count }, (_, index) => {
    const downMs = random.int(500, 1_000 + 10_000 * index);
    atMs = Math.min(calmAtMs, atMs + downMs + random.int(1_000, 60_000));
    return { do: 'endSidecar' as const, node, downMs, atMs };
  });
}

/** Machines that start anew, or whose kubelets do not reach the API server for a while: none in half of the histories. */
function machines({ nodes, calmAtMs }: Base, random: Random): Action[] {
  const count = random.chance(0.5) ? 0 : random.int(1, 4);
  const fromMs = random.int(FIRST_ACTION_MS, calmAtMs);
  return Array.from({ length: count }, () => {
    const node = random.int(0, nodes.length - 1);
    const atMs = Math.min(calmAtMs, fromMs + random.int(0, random.pick([2_000, 60_000])));
    return random.chance(0.5)
      ? { do: 'reboot' as const, node, atMs }
      : { do: 'silence' as const, node, ms: random.int(1_000, 120_000), atMs };
  });
}

const dated = (deeds: readonly Later[], atMs: number, calmAtMs: number): Action[] =>
  deeds.map(({ afterMs = 0, ...rest }) => ({ ...(rest as Deed), atMs: Math.min(atMs + afterMs, calmAtMs) }));
