/**
 * Draws obstacles for restarts that last for minutes, or until a person lifts them: opt-outs, narrowed webhooks, refusals,
 * stopped controllers, late watches, a full journal, and crashing replicas.
 */
import type { Random } from '../random.ts';

/**
 * `deny`: an admission policy refuses each write to a StatefulSet and each delete of a pod. `forbid`: a webhook refuses
 * them. `strip`: the write succeeds without our annotation. `revert`: the template is restored a little later.
 */
export type How = 'deny' | 'forbid' | 'strip' | 'revert';

/** `ms: null` stands for "until it is lifted". */
export type Hindrance =
  | { readonly do: 'optOut'; readonly namespace: string; readonly on: boolean }
  | { readonly do: 'templateOptOut'; readonly node: number; readonly on: boolean }
  | {
      readonly do: 'narrow';
      readonly by: 'namespace' | 'object' | 'gone';
      readonly namespace: string;
      readonly name: string;
      readonly ms: number | null;
    }
  | {
      readonly do: 'refuse';
      readonly how: How;
      readonly namespace: string;
      readonly name?: string | undefined;
      readonly revertMs: number;
      readonly ms: number | null;
    }
  | { readonly do: 'unstamp'; readonly node: number }
  | { readonly do: 'onDelete'; readonly node: number; readonly upgradedMs: number }
  | { readonly do: 'controllerRests'; readonly ms: number }
  | {
      readonly do: 'controllerRestsAtBump';
      readonly ms: number;
      readonly meanwhileMs: number;
      readonly meanwhile: 'nothing' | 'pause' | 'down' | 'optOut' | 'partition';
    }
  | {
      readonly do: 'lateKind';
      readonly replica: number;
      readonly kind: string;
      readonly lateMs: number;
      readonly ms: number;
    }
  | { readonly do: 'fillJournal'; readonly bytes: number; readonly ageHours: number }
  | { readonly do: 'crashLoop'; readonly ms: number; readonly both: boolean };

type Drawn = Hindrance & { readonly afterMs?: number };
interface Target {
  readonly node: number;
  readonly namespace: string;
  readonly name: string;
}
type Draw = (target: Target, random: Random) => readonly Drawn[];

const LATE_KINDS = ['Pod', 'StatefulSet', 'StellarNode', 'ConfigMap', 'Namespace', 'PodDisruptionBudget'];
const MEGABYTE = 1024 * 1024;
const MINUTES = (random: Random): number => random.int(30_000, 300_000);
const OFTEN_FOR_EVER = (random: Random): number | null => (random.chance(0.5) ? null : MINUTES(random));

export const HINDRANCES: readonly Draw[] = [
  ({ namespace }, random) => [
    { do: 'optOut', namespace, on: true },
    ...(random.chance(0.4)
      ? [{ do: 'optOut', namespace, on: false, afterMs: MINUTES(random) } as const]
      : []),
  ],
  ({ node }, random) => [
    { do: 'templateOptOut', node, on: true },
    ...(random.chance(0.4)
      ? [{ do: 'templateOptOut', node, on: false, afterMs: MINUTES(random) } as const]
      : []),
  ],
  ({ namespace, name }, random) => [
    {
      do: 'narrow',
      by: random.pick(['namespace', 'object', 'gone'] as const),
      namespace,
      name,
      ms: OFTEN_FOR_EVER(random),
    },
  ],
  ...(['deny', 'forbid', 'strip', 'revert'] as const).map(
    (how): Draw =>
      ({ namespace, name }, random) => [
        {
          do: 'refuse',
          how,
          namespace,
          name: random.chance(0.7) ? name : undefined,
          revertMs: random.pick([0, 200, 3_000, 8_000]),
          ms: OFTEN_FOR_EVER(random),
        },
      ],
  ),
  ({ node }) => [{ do: 'unstamp', node }],
  ({ node }, random) => [{ do: 'onDelete', node, upgradedMs: random.int(1_000, 60_000) }],
  (_, random) => [{ do: 'controllerRests', ms: MINUTES(random) }],
  ...[0, 1].map(
    (): Draw => (_, random) => [
      {
        do: 'controllerRestsAtBump',
        ms: MINUTES(random),
        meanwhileMs: random.int(100, 25_000),
        meanwhile: random.pick(['nothing', 'pause', 'down', 'optOut', 'partition'] as const),
      },
    ],
  ),
  (_, random) => [
    {
      do: 'lateKind',
      replica: random.int(0, 1),
      kind: random.pick(LATE_KINDS),
      lateMs: random.int(30_000, 240_000),
      ms: MINUTES(random),
    },
  ],
  (_, random) => [
    {
      do: 'fillJournal',
      bytes: random.pick([MEGABYTE - 2_000, MEGABYTE - 400, MEGABYTE - 200]),
      ageHours: random.pick([1, 30, 30]),
    },
  ],
  (_, random) => [{ do: 'crashLoop', ms: MINUTES(random), both: random.chance(0.6) }],
];
