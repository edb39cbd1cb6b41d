/**
 * Draws actions of people, nodes and controllers during or around our restarts: rolls by hand that are undone or not,
 * StatefulSets that are created again over their pods, StellarNodes that are created again with the same name, changes of
 * size, and budgets that allow one pod of a namespace to be down.
 */
import type { Random } from '../random.ts';

/** An action at a time after our next bump of any validator. */
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

/** The name of a person's budget for all validators of a namespace, whatever their network. */
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
