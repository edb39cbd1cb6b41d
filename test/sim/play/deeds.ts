/** The actions of people, and accidents, and how each of them is drawn. */
import type { Random } from '../random.ts';
import type { Hindrance } from './hindrances.ts';
import type { Twist } from './twists.ts';

export const NAMESPACES = ['north', 'south'] as const;

export type Deed =
  | Hindrance
  | Twist
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
  | { readonly do: 'scale'; readonly node: number; readonly replicas: number }
  | { readonly do: 'operatorRests' | 'noise'; readonly ms: number }
  | { readonly do: 'kill' | 'stop'; readonly replica: number }
  | { readonly do: 'freeze'; readonly replica: number; readonly ms: number }
  | { readonly do: 'killAtRequest'; readonly replica: number; readonly verb: string }
  | {
      readonly do: 'freezeAtRequest';
      readonly replica: number;
      readonly verb: string;
      readonly ms: number;
    }
  | { readonly do: 'skew'; readonly replica: number; readonly ms: number }
  | { readonly do: 'webhookDown'; readonly ms: number }
  | { readonly do: 'compact' }
  | { readonly do: 'release'; readonly settings: Readonly<Record<string, string>> };

export type Later = Deed & { readonly afterMs?: number };
type Draw = (node: number, random: Random) => readonly Later[];
const ROLLOUT = 'stellar.org/peer-rollout';
const LONG = (random: Random): number => random.int(5_000, 120_000);

/** The draws of actions. A setting that is switched on is often switched off again. */
export const DEEDS: readonly Draw[] = [
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
  (_, random) => [
    { do: 'freeze', replica: random.int(0, 1), ms: random.int(500, random.pick([20_000, 120_000])) },
  ],
  (node, random) => [{ do: 'scale', node, replicas: random.int(0, 2) }],
  (node, random) => [
    { do: 'annotate', node, key: 'stellar.org/peer-injection', value: 'disabled' },
    { do: 'annotate', node, key: 'stellar.org/peer-injection', value: null, afterMs: LONG(random) },
  ],
  (_, random) => [{ do: 'noise', ms: LONG(random) }],
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
      ms: random.pick([9_000, 9_000, 30_000, 60_000]),
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
      settings: {
        ROLL_BELOW: random.pick(['8', '3', 'all']),
        MAX_PEERS: random.pick(['24', '4']),
        MAX_UNAVAILABLE: random.pick(['1', '2', '34%']),
      },
    },
  ],
];
