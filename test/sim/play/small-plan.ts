/** Histories that a test writes itself: which validators exist and what happens, with nothing drawn at random. */
import assert from 'node:assert/strict';
import { play, type Result } from './history.ts';
import { type Action, CALM, type NetworkPlan, type NodePlan, type Plan } from './plan.ts';
import type { PortPlan } from './port-plan.ts';
import type { SidecarPlan } from './sidecar-plan.ts';

const SETTINGS = {
  MAX_UNAVAILABLE: '1',
  QUORUM_CHECK: 'off',
  MIN_READY_SECONDS: '1',
  MIN_RESTART_INTERVAL_SECONDS: '1',
  STABILIZATION_SECONDS: '5',
  DELETE_MIN_AGE_SECONDS: '5',
  LEASE_DURATION_SECONDS: '6',
  REQUEST_TIMEOUT_SECONDS: '1',
  // The story says which pods have a sidecar.
  PEER_RELOAD: 'off',
};

export interface Story {
  /** The namespaces of the validators; default: `north` for all. */
  readonly namespaces?: readonly string[];
  /** The threshold of the flat quorum set; default: a quorum set that cannot be read. */
  readonly percent?: number;
  /** Further differences from a private network. */
  readonly network?: Partial<NetworkPlan>;
  readonly standing?: Pick<Plan, 'kubeletSkewsMs'>;
  readonly readyMs: ReadonlyArray<number | null>;
  /** The HTTP ports of the validators; default: closed. */
  readonly ports?: ReadonlyArray<PortPlan | undefined>;
  /** The sidecars of the validators' pods; default: none. */
  readonly sidecars?: ReadonlyArray<SidecarPlan | undefined>;
  readonly founders: number;
  readonly settings?: Readonly<Record<string, string>>;
  readonly actions: readonly Action[];
  readonly calmAtMs: number;
}

const QUICK = { MIN_READY_SECONDS: '5', MIN_RESTART_INTERVAL_SECONDS: '5', RESYNC_SECONDS: '60' };

/** A fourth validator joins three that are injected. All three then lack it. */
export const FOURTH_JOINS: Action = { atMs: 90_000, do: 'join', node: 3 };
const FOUR = { readyMs: [1_000, 1_000, 1_000, 1_000], founders: 3, actions: [FOURTH_JOINS] };

/** Plays the join of a fourth validator, changed by `story`. Fails if an invariant does not hold. */
export async function played(story: Partial<Story> & Pick<Story, 'calmAtMs'>): Promise<Result> {
  const settings = { ...QUICK, ...story.settings };
  const result = await play(planOf({ ...FOUR, ...story, settings }));
  assert.deepEqual(result.problem, undefined);
  return result;
}

/** The plan of a story: one network, without faults. */
export function planOf(story: Story): Plan {
  const {
    readyMs,
    founders,
    settings,
    actions,
    calmAtMs,
    namespaces = [],
    percent,
    network,
    standing,
    ports = [],
    sidecars = [],
  } = story;
  const nodes = readyMs.map(
    (each, index): NodePlan => ({
      namespace: namespaces[index] ?? 'north',
      name: `v${index}`,
      network: 0,
      readyMs: each,
      replicas: 1,
      port: ports[index],
      sidecar: sidecars[index],
    }),
  );
  return {
    ...{ seed: 1, nodes, founders, actions, calmAtMs, rates: CALM },
    ...standing,
    networks: [{ isPublic: false, percent: percent ?? null, ...network }],
    settings: { ...SETTINGS, ...settings },
  };
}
