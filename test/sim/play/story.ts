/** One history written by hand: a network of validators, and its events in time. */
import { type ObjectRef, Pods, StatefulSets } from '../../../runtime/kube/resources.ts';
import { checkRestart, decisionMsOf } from './invariants.ts';
import { CALM, type Plan } from './plan.ts';
import { checkReplacement } from './replaced.ts';
import { Stage } from './stage.ts';
import { Witness } from './witness.ts';

const SETTINGS = {
  MAX_UNAVAILABLE: '1',
  QUORUM_CHECK: 'hold',
  MIN_READY_SECONDS: '5',
  MIN_RESTART_INTERVAL_SECONDS: '5',
  STABILIZATION_SECONDS: '5',
  DELETE_MIN_AGE_SECONDS: '5',
  LEASE_DURATION_SECONDS: '6',
  REQUEST_TIMEOUT_SECONDS: '1',
  RESYNC_SECONDS: '60',
  // Its pods have no sidecar.
  PEER_RELOAD: 'off',
};

export interface Story {
  /** The number of validators `v0` … of one network. The last one joins when the script says so. */
  readonly validators: number;
  readonly settings?: Readonly<Record<string, string>>;
  /** THRESHOLD_PERCENT of the quorum set; default: no quorum set. */
  readonly percent?: number;
  readonly script: (stage: Stage, at: (ms: number, action: () => unknown) => void) => void;
  readonly endMs: number;
}

/** Plays the history. The result has the witness, the broken invariants and the log. */
export async function tell({ validators, settings, percent, script, endMs }: Story) {
  const plan: Plan = {
    seed: 1,
    nodes: Array.from({ length: validators }, (_, index) => {
      return { namespace: 'north', name: `v${index}`, network: 0, readyMs: 1_000, replicas: 1 };
    }),
    ...{ founders: validators - 1, actions: [], calmAtMs: 0, rates: CALM },
    networks: [{ isPublic: false, percent: percent ?? null }],
    settings: { ...SETTINGS, ...settings },
  };
  const lines: string[] = [];
  const stage = new Stage(plan, { log: (line) => lines.push(line) });
  const witness = new Witness(stage);
  const broken: string[] = [];
  const noting = (check: () => void) => {
    try {
      check();
    } catch (error) {
      broken.push(`${error}`);
    }
  };
  const edges = { stage, witness, decidedMs: decisionMsOf(plan) };
  witness.onRestart = (restart) => noting(() => checkRestart(restart, edges));
  witness.onReplacement = (restart) => noting(() => checkReplacement(restart, { stage, witness }));
  await stage.open();
  script(stage, (ms, action) => stage.time.schedule(ms, () => void action()));
  await stage.time.runUntil(() => false, endMs);
  return { stage, witness, broken, lines };
}

export const setRef = (name: string): ObjectRef => ({ resource: StatefulSets, namespace: 'north', name });
export const podRef = (name: string): ObjectRef => ({
  resource: Pods,
  namespace: 'north',
  name: `${name}-0`,
});

/** The leader's present reason for each waiting validator, by name. */
export const told = ({ leader }: Stage): Record<string, string> =>
  Object.fromEntries(
    [...(leader?.reasons ?? [])].map(([key, { code }]) => [key.replace('north/', ''), code]),
  );
