/**
 * One validator as the status page shows it. Pure.
 */
import { isMeant, isState, type Reason } from '../peers/reasons/reasons.ts';
import type { Key } from '../peers/world.ts';
import type { ValidatorStatus } from '../reconciler/plan/status/validator-status.ts';

/**
 * `up`: all its pods are Ready · `apart`: all are Ready, but stellar-core says that it has no peers or is not synced ·
 * `down`: some pods are not Ready · `restarting`: it is being restarted · `away`: it is suspended, or wants no pods.
 */
type State = 'up' | 'apart' | 'down' | 'restarting' | 'away';

/** Cells for people. `2,3` has one number for each pod; a cell is empty if nothing is known. */
export interface Row {
  readonly key: Key;
  readonly namespace: string;
  readonly name: string;
  readonly state: State;
  readonly ready: string;
  readonly knows: string;
  readonly published: string;
  readonly connected: string;
  /** Its connections, in percent of those that it should have; -1 if its HTTP port is not open. */
  readonly connectedPercent: number;
  readonly synced: string;
  /** The code of its state, as in `status`; empty for `Current`. */
  readonly code: string;
  /** The kind of `code`: a state, a wait, or a state that a person wanted. */
  readonly kind: 'state' | 'waiting' | 'meant';
}

/** The row of one validator. */
export function rowOf(status: ValidatorStatus): Row {
  const { validator, ready, replicas, pods, published, reasons } = status;
  const { key, namespace, name } = validator;
  const [first] = reasons;
  return {
    ...{ key, namespace, name },
    state: picturedAs(status),
    ready: `${ready}/${replicas}`,
    knows: pods.map(({ started }) => started?.length ?? '-').join(','),
    published: published ? String(published.digests.length) : '',
    ...connectionOf(pods),
    code: first?.code ?? '',
    kind: kindOf(first),
  };
}

const kindOf = (why: Reason | undefined): Row['kind'] =>
  why === undefined || isState(why) ? 'state' : isMeant(why) ? 'meant' : 'waiting';

function picturedAs({ validator, replicas, reasons, isUp }: ValidatorStatus): State {
  const code = reasons[0]?.code;
  if (validator.suspended || replicas === 0) return 'away';
  if (code === 'Restarting' || (!isUp && code === 'Stalled')) return 'restarting';
  if (!isUp) return 'down';
  return code === 'OutOfSync' ? 'apart' : 'up';
}

function connectionOf(pods: ValidatorStatus['pods']) {
  const answers = pods.flatMap(({ connection }) => connection ?? []);
  if (answers.length === 0) return { connected: '', connectedPercent: -1, synced: '' };
  const sum = (of: 'connected' | 'expected') => answers.reduce((total, each) => total + each[of], 0);
  const cells = (textOf: (connection: (typeof answers)[number]) => string) =>
    pods.map(({ connection }) => (connection ? textOf(connection) : '-')).join(',');
  return {
    connected: cells(({ connected, expected }) => `${connected}/${expected}`),
    connectedPercent: sum('expected') === 0 ? 100 : Math.round((100 * sum('connected')) / sum('expected')),
    synced: cells(({ synced }) => (synced ? 'yes' : 'no')),
  };
}
