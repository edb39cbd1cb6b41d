/** Reads the sidecar that tells stellar-core of new peers, from a raw pod. */
import { cutText, type Fields, fieldsOf, listOf, numberOf, textOf, timeOf } from '../field.ts';
import { RELOAD_CONTAINER } from '../names.ts';

/** The sidecar of a pod that tells its stellar-core of new peers. */
export interface ReloadSidecar {
  /** When it was last started, ms since the epoch by the kubelet's clock; undefined while it does not run. */
  readonly startedAtMs: number | undefined;
  readonly restarts: number;
  /** The kubelet's word for why it does not run, such as `CrashLoopBackOff`; undefined if there is none. */
  readonly problem: string | undefined;
}

const STARTING: ReadonlySet<string> = new Set(['PodInitializing', 'ContainerCreating']);
const PROBLEM_LENGTH_MAX = 60;

/** The sidecar of a pod, or undefined. An init container of that name that does not stay is not one. */
export function reloadSidecarOf(raw: Fields): ReloadSidecar | undefined {
  const isOurs = ({ name }: Fields) => name === RELOAD_CONTAINER;
  const container = listOf(fieldsOf(raw.spec).initContainers).find(isOurs);
  if (container?.restartPolicy !== 'Always') return undefined;
  const found = listOf(fieldsOf(raw.status).initContainerStatuses).find(isOurs);
  const { running, waiting } = fieldsOf(found?.state);
  return {
    startedAtMs: timeOf(fieldsOf(running).startedAt),
    restarts: numberOf(found?.restartCount) ?? 0,
    problem: problemOf(textOf(fieldsOf(waiting).reason)),
  };
}

const problemOf = (word: string | undefined): string | undefined =>
  word === undefined || STARTING.has(word)
    ? undefined
    : cutText(word.replace(/[^ -~]/g, ''), PROBLEM_LENGTH_MAX);
