/**
 * One history before it is played: who is there, which settings hold, what goes wrong and what people do, all drawn
 * from the seed up front. Plain data, so that a part of it can be left out and the rest played again.
 */
import { Random } from '../random.ts';

export interface NodePlan {
  readonly namespace: string;
  readonly name: string;
  /** Index of its network. */
  readonly network: number;
  /** From running until Ready; null for never. */
  readonly readyMs: number | null;
  readonly replicas: number;
}

export interface NetworkPlan {
  readonly isPublic: boolean;
  /** Threshold of everybody's flat quorum set; null for none that can be read. */
  readonly percent: number | null;
}

/** How often what goes wrong, until the calm. */
export interface Rates {
  readonly latencyMs: number;
  readonly refused: number;
  readonly lost: number;
  readonly conflict: number;
  /** Requests that travel for seconds: longer than the client waits, and carried out all the same. */
  readonly slow: number;
  readonly watchDelayMs: number;
  /** Per minute. */
  readonly cuts: number;
}

export type Deed =
  | { readonly do: 'join' | 'leave'; readonly node: number }
  | { readonly do: 'suspend' | 'maintain'; readonly node: number; readonly on: boolean }
  | { readonly do: 'port'; readonly node: number; readonly port: number }
  | { readonly do: 'annotate'; readonly node: number; readonly key: string; readonly value: string | null }
  | {
      readonly do: 'switch';
      readonly on: 'all' | 'namespace';
      readonly name: string;
      readonly value: string | null;
    }
  | { readonly do: 'dropOwn' }
  | { readonly do: 'scribble'; readonly namespace: string }
  | { readonly do: 'deletePod' | 'restartContainer' | 'upgrade' | 'dropSet'; readonly node: number }
  | { readonly do: 'flap' | 'flapAtBump'; readonly node: number; readonly ms: number }
  | { readonly do: 'strategy'; readonly node: number; readonly ms: number; readonly onDelete: boolean }
  | { readonly do: 'budget'; readonly namespace: string; readonly ms: number }
  | { readonly do: 'operatorRests'; readonly ms: number }
  | { readonly do: 'kill' | 'stop'; readonly replica: number }
  | { readonly do: 'freeze'; readonly replica: number; readonly ms: number }
  | { readonly do: 'killAtRequest' | 'freezeAtRequest'; readonly replica: number; readonly verb: string }
  | { readonly do: 'skew'; readonly replica: number; readonly ms: number }
  | { readonly do: 'webhookDown'; readonly ms: number }
  | { readonly do: 'compact' }
  | { readonly do: 'release'; readonly settings: Readonly<Record<string, string>> };

export type Action = Deed & { readonly atMs: number };

export interface Plan {
  readonly seed: number;
  readonly networks: readonly NetworkPlan[];
  readonly nodes: readonly NodePlan[];
  /** How many of the nodes are there from the start. */
  readonly founders: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly rates: Rates;
  readonly actions: readonly Action[];
  readonly calmAtMs: number;
}

const MINUTE_MS = 60_000;
/** Nothing goes wrong and nobody acts before a network can have started. */
const FIRST_ACTION_MS = 20_000;
export const NAMESPACES = ['north', 'south'] as const;
export const CALM: Rates = {
  latencyMs: 5,
  refused: 0,
  lost: 0,
  conflict: 0,
  slow: 0,
  watchDelayMs: 20,
  cuts: 0,
};

/** The history of a seed. */
export function planOf(seed: number): Plan {
  const random = new Random(seed);
  const networks = Array.from({ length: random.int(1, 2) }, () => ({
    isPublic: random.chance(0.25),
    percent: random.chance(0.3) ? null : random.pick([51, 51, 60, 66, 67, 80]),
  }));
  const nodes = Array.from({ length: random.int(3, 10) }, (_, index) =>
    nodeOf(index, networks.length, random),
  );
  const calmAtMs = FIRST_ACTION_MS + random.int(2, 8) * MINUTE_MS;
  const founders = random.int(1, Math.max(2, nodes.length - 2));
  const base = { seed, networks, nodes, founders, calmAtMs };
  const actions = [...joins(base, random), ...deeds(base, random)].sort((a, b) => a.atMs - b.atMs);
  return { ...base, settings: settingsOf(random), rates: ratesOf(random), actions: notTooEarly(actions) };
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
    PEER_SCOPE: random.chance(0.2) ? 'namespace' : 'cluster',
    LEASE_DURATION_SECONDS: '6',
    REQUEST_TIMEOUT_SECONDS: '1',
    RESYNC_SECONDS: '60',
  };
}

/** Calm, with one thing that goes wrong, or with everything. */
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

/**
 * Whether a validator was ever Ready is told from its first pods by times that no operator reaches and this cluster
 * would (docs/decisions/0013), so nobody replaces those early.
 */
function notTooEarly(actions: readonly Action[]): Action[] {
  const joinedAtMs = (node: number) =>
    actions.find((action) => action.do === 'join' && action.node === node)?.atMs ?? 0;
  return actions.filter((action) => {
    if (action.do === 'dropSet') return action.atMs - joinedAtMs(action.node) > 90_000;
    const replaces = action.do === 'deletePod' || action.do === 'upgrade';
    return !replaces || action.atMs - joinedAtMs(action.node) > 40_000;
  });
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
    for (const deed of random.pick(DEEDS)(node, random)) {
      const { afterMs = 0, ...rest } = deed as Deed & { afterMs?: number };
      actions.push({ ...(rest as Deed), atMs: Math.min(atMs + afterMs, calmAtMs) });
    }
  }
  return actions;
}

type Later = Deed & { readonly afterMs?: number };
type Draw = (node: number, random: Random) => readonly Later[];
const ROLLOUT = 'stellar.org/peer-rollout';
const LONG = (random: Random): number => random.int(5_000, 120_000);

/** What people and fate do; a thing that is switched on is often switched off again. */
const DEEDS: readonly Draw[] = [
  (node, random) => [
    { do: 'suspend', node, on: true },
    ...(random.chance(0.7) ? [{ do: 'suspend', node, on: false, afterMs: LONG(random) } as const] : []),
  ],
  (node, random) => [
    { do: 'maintain', node, on: true },
    { do: 'maintain', node, on: false, afterMs: LONG(random) },
  ],
  (node) => [{ do: 'leave', node }],
  (node, random) => [{ do: 'port', node, port: random.int(11_625, 11_630) }],
  (node, random) => [
    { do: 'annotate', node, key: ROLLOUT, value: random.pick(['paused', 'OnRestart', 'Signal', 'Never']) },
    ...(random.chance(0.6)
      ? [{ do: 'annotate', node, key: ROLLOUT, value: null, afterMs: LONG(random) } as const]
      : []),
  ],
  (node, random) => [
    {
      do: 'annotate',
      node,
      key: 'stellar.org/peer-budget',
      value: random.pick(['uncounted', 'uncounted', 'odd']),
    },
  ],
  (node) => [{ do: 'annotate', node, key: 'stellar.org/peer-adopt', value: 'now' }],
  (_, random) => {
    const on = random.pick(['all', 'namespace'] as const);
    const name = random.pick(NAMESPACES);
    return [
      { do: 'switch', on, name, value: 'paused' },
      { do: 'switch', on, name, value: null, afterMs: LONG(random) },
    ];
  },
  () => [{ do: 'dropOwn' }],
  (_, random) => [{ do: 'scribble', namespace: random.pick(NAMESPACES) }],
  (node) => [{ do: 'deletePod', node }],
  (node) => [{ do: 'restartContainer', node }],
  (node) => [{ do: 'upgrade', node }],
  (node) => [{ do: 'dropSet', node }],
  (node, random) => [{ do: 'flap', node, ms: random.int(100, 30_000) }],
  (node, random) => [{ do: 'flap', node, ms: random.int(100, 30_000) }],
  (node, random) => [{ do: 'flapAtBump', node, ms: random.int(100, 60_000) }],
  (node, random) => [{ do: 'flapAtBump', node, ms: random.int(100, 60_000) }],
  (node, random) => [{ do: 'strategy', node, ms: LONG(random), onDelete: random.chance(0.5) }],
  (_, random) => [{ do: 'budget', namespace: random.pick(NAMESPACES), ms: LONG(random) }],
  (_, random) => [{ do: 'operatorRests', ms: LONG(random) }],
  (_, random) => [{ do: random.pick(['kill', 'stop'] as const), replica: random.int(0, 1) }],
  (_, random) => [{ do: 'freeze', replica: random.int(0, 1), ms: random.int(500, 20_000) }],
  (_, random) => [
    {
      do: 'killAtRequest',
      replica: random.int(0, 1),
      verb: random.pick(['patch', 'replace', 'delete', 'list', 'get']),
    },
  ],
  (_, random) => [
    {
      do: 'freezeAtRequest',
      replica: random.int(0, 1),
      verb: random.pick(['patch', 'replace', 'delete', 'list', 'get']),
    },
  ],
  (_, random) => [
    {
      do: 'skew',
      replica: random.int(0, 1),
      ms: random.pick([-300_000, -2_000, 2_000, 300_000, 300_000, 86_400_000]),
    },
  ],
  (_, random) => [{ do: 'webhookDown', ms: random.int(1_000, 90_000) }],
  () => [{ do: 'compact' }],
  (_, random) => [
    {
      do: 'release',
      settings: { ROLL_BELOW: random.pick(['8', '3', 'all']), MAX_PEERS: random.pick(['24', '4']) },
    },
  ],
];
