/**
 * What people, nodes and controllers do in the middle of a restart of ours, or around one: rolls and undone rolls by hand,
 * StatefulSets that are made again over their pods, StellarNodes that come again under their name, sizes that change,
 * budgets that let one pod of a namespace go. How each is drawn.
 */
import type { Random } from '../random.ts';

/** What happens that long after the next restart of ours by the template, whichever validator that is of. */
export type AtBump =
  | { readonly what: 'undo' | 'rollAgain' | 'evict' | 'staleEvict' | 'orphan' | 'recreate' }
  | { readonly what: 'scale'; readonly replicas: number; readonly ms: number };

export type Twist =
  | { readonly do: 'orphanSet' | 'rollByHand' | 'recreate' | 'fail'; readonly node: number }
  | ({ readonly do: 'atBump'; readonly afterMs: number } & AtBump)
  | { readonly do: 'oneAtATime'; readonly namespace: string }
  | { readonly do: 'endSidecar'; readonly node: number; readonly downMs: number }
  | { readonly do: 'silence'; readonly node: number; readonly ms: number }
  | { readonly do: 'reboot'; readonly node: number };

interface Target {
  readonly node: number;
  readonly namespace: string;
}

/** The name of a person's budget over the validators of all networks in a namespace. */
export const ONE_AT_A_TIME = 'one-at-a-time';

const THEN = ['undo', 'undo', 'rollAgain', 'evict', 'staleEvict', 'orphan', 'recreate'] as const;
const SOON = (random: Random): number => random.pick([0, 0, 30, 200, 2_000, 20_000]);

export const TWISTS: ReadonlyArray<(target: Target, random: Random) => readonly Twist[]> = [
  ({ node }, random) => [{ do: random.pick(['orphanSet', 'rollByHand', 'recreate'] as const), node }],
  (_, random) => [{ do: 'atBump', afterMs: SOON(random), what: random.pick(THEN) }],
  (_, random) => [{ do: 'atBump', afterMs: SOON(random), what: random.pick(THEN) }],
  (_, random) => [
    {
      ...{ do: 'atBump', afterMs: SOON(random), what: 'scale' },
      ...{ replicas: random.int(0, 3), ms: random.int(1_000, 90_000) },
    },
  ],
  ({ namespace }) => [{ do: 'oneAtATime', namespace }],
];
