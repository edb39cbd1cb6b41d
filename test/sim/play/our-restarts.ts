/**
 * The witness' record of our restarts, from the write to the end: its kind, its outcome, and when a pod goes down because
 * of it.
 */
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { Leases, Pods, StatefulSets } from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import type { Change } from '../store.ts';
import { controllerOf, isReady, isTerminating } from '../workloads.ts';
import { groupOf, publishedFor } from './members.ts';
import { OWN, type Stage } from './stage.ts';
import {
  allUp,
  annotationOf,
  isRunning,
  isSettled,
  knownBy,
  nodeOf,
  podsOf,
  RESTART,
  setOf,
  tokenOf,
} from './standing.ts';

/** The Lease that names the leader. */
export const LEASE = { resource: Leases, namespace: OWN, name: 'stellar-peers' };
const SET_CONTROLLER = 'statefulset-controller';

export interface OurRestart {
  readonly node: string;
  readonly group: string;
  readonly kind: 'bump' | 'delete';
  readonly atMs: number;
  readonly by: string;
  readonly uids: readonly string[];
  readonly pods: readonly KubeObject[];
  /** Token of the template before and after. */
  readonly before: string | undefined;
  readonly after?: string | undefined;
  /** `bare` for pods without injection, else the published digests. Restarts with the same cause are of little use. */
  readonly cause: string;
  /** `reverted`: another program restored the template before a pod was replaced. */
  end: 'over' | 'defused' | 'reverted' | undefined;
  /** The longest time for which one of its pods was not Ready since the write, without being replaced. */
  notReadyMs: number;
}

export class OurRestarts {
  readonly restarts: OurRestart[] = [];
  readonly #stage: Stage;
  /** Since when each pod has its present readiness, by its UID, in ms of the history. */
  readonly #readySinceMs = new Map<string, number>();
  /** Called at each restart of ours, before the witness has noted the change. */
  onRestart: (restart: OurRestart) => void = () => undefined;
  /** Called when a pod is replaced because of a bump of ours. */
  onReplacement: (restart: OurRestart) => void = () => undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  get #nowMs(): number {
    return this.#stage.time.monotonicMs();
  }

  /** Call for each change, before the witness notes it. */
  hear({ resource, former, next, by }: Change): void {
    const ours = this.#stage.isOurs(by);
    if (resource.kind === StatefulSets.kind && former && next) {
      if (ours) this.#bump(former, next, by);
      else this.#reversal(former, next);
    }
    if (resource.kind !== Pods.kind || !former) return;
    if (ours && !isTerminating(former)) this.#deletion(former, by);
    this.#followPod(former, next, by);
  }

  /** Ends the restarts that are over. Call after the witness has noted a change. */
  endThoseOver(): void {
    for (const restart of this.restarts) if (!restart.end) this.#end(restart);
  }

  #bump(former: KubeObject, next: KubeObject, by: string): void {
    const [before, after] = [tokenOf(former), tokenOf(next)];
    if (before === after) return;
    const key = `${next.metadata.namespace}/${next.metadata.name}`;
    // If the StellarNode is gone, its restart has ended, but the leader may still take the token back.
    const last = this.restarts.findLast((each) => each.node === key && each.kind === 'bump');
    const open = last && (!last.end || !nodeOf(this.#stage.server.store, key)) ? last : undefined;
    const carried = open?.pods[0] && annotationOf(open.pods[0], RESTART);
    if (open && (open.before === after || (open.pods.length > 0 && carried === after))) {
      open.end = 'defused';
      this.#stage.say(`* ${by} takes the bump of ${key} back`);
      return;
    }
    this.#begin({ node: key, kind: 'bump', by, pods: podsOf(this.#stage.server.store, key), before, after });
  }

  /** Notes that another program removed our bump. If a pod is already down, the restart takes its course. */
  #reversal(former: KubeObject, next: KubeObject): void {
    if (tokenOf(former) === tokenOf(next)) return;
    const key = `${next.metadata.namespace}/${next.metadata.name}`;
    const open = this.restarts.find((each) => each.node === key && each.kind === 'bump' && !each.end);
    const left = podsOf(this.#stage.server.store, key).filter((pod) => !isTerminating(pod));
    const uids = left.map(({ metadata }) => metadata.uid ?? '');
    if (!open?.uids.every((uid) => uids.includes(uid))) return;
    open.end = 'reverted';
    this.#stage.say(`* another reverts the bump of ${key}`);
  }

  #deletion(pod: KubeObject, by: string): void {
    const key = `${pod.metadata.namespace}/${controllerOf(pod)?.name}`;
    this.#begin({ node: key, kind: 'delete', by, pods: [pod], before: undefined });
  }

  #followPod(former: KubeObject, next: KubeObject | undefined, by: string): void {
    const uid = former.metadata.uid ?? '';
    const restart = this.restarts.find(
      (each) => each.kind === 'bump' && !each.end && each.uids.includes(uid),
    );
    if (restart && !isReady(former)) {
      const sinceMs = Math.max(restart.atMs, this.#readySinceMs.get(uid) ?? 0);
      restart.notReadyMs = Math.max(restart.notReadyMs, this.#nowMs - sinceMs);
    }
    if (next && isReady(next) !== isReady(former)) this.#readySinceMs.set(uid, this.#nowMs);
    if (restart && by === SET_CONTROLLER && !isTerminating(former)) this.onReplacement(restart);
  }

  /** True while all pods of the restart exist and none is terminating. */
  isUntouched({ node, uids }: OurRestart): boolean {
    const pods = podsOf(this.#stage.server.store, node);
    const left = pods.filter((pod) => uids.includes(pod.metadata.uid ?? ''));
    return left.length === uids.length && left.filter(isTerminating).length <= 1;
  }

  #begin(begun: Pick<OurRestart, 'node' | 'kind' | 'by' | 'pods' | 'before' | 'after'>): void {
    const group = groupOf(this.#stage, begun.node);
    const uids = begun.pods.map(({ metadata }) => metadata.uid ?? '');
    const cause = begun.pods.some((pod) => !knownBy(pod))
      ? 'bare'
      : [...(publishedFor(this.#stage, begun.node)?.digests ?? [])].sort().join();
    const since = { atMs: this.#nowMs, end: undefined, notReadyMs: 0 };
    const restart: OurRestart = { ...begun, group, uids, cause, ...since };
    this.#stage.say(`* ${begun.by} restarts ${begun.node} by ${begun.kind}`);
    this.onRestart(restart);
    this.restarts.push(restart);
    this.#stage.began(restart.node, restart.kind, restart.by);
  }

  /** True for a bump whose new pod is not injected and stays not Ready. The leader that began it knows why. */
  #isLeftBare({ kind, uids, by }: OurRestart, pods: readonly KubeObject[]): boolean {
    const { plan, server } = this.#stage;
    const isBareAndDown = (pod: KubeObject) => !knownBy(pod) && !isReady(pod) && !isTerminating(pod);
    const fresh = pods.filter(({ metadata }) => !uids.includes(metadata.uid ?? ''));
    if (kind !== 'bump' || !fresh.some(isBareAndDown)) return false;
    return plan.needPeers === true || fieldsAt(server.store.get(LEASE)?.spec).holderIdentity === by;
  }

  #end(restart: OurRestart): void {
    const { store } = this.#stage.server;
    const set = setOf(store, restart.node);
    const pods = podsOf(store, restart.node);
    // A person may have undone a bump after its first pod: the controller then replaces no further one.
    const isUndone = restart.kind === 'bump' && tokenOf(set) !== restart.after;
    const replaced = isUndone || !pods.some(({ metadata }) => restart.uids.includes(metadata.uid ?? ''));
    const isOver = () =>
      restart.kind === 'bump'
        ? set !== undefined && isSettled(set) && allUp(store, restart.node)
        : restart.pods.every(({ metadata }) => {
            const next = pods.find((pod) => pod.metadata.name === metadata.name);
            return next ? isRunning(next) || knownBy(next) === undefined : isUnwanted(set, metadata.name);
          });
    if (!set || this.#isLeftBare(restart, pods) || (replaced && isOver())) {
      restart.end = 'over';
      this.#stage.say(`* the restart of ${restart.node} is over`);
    }
  }
}

function isUnwanted(set: KubeObject | undefined, pod: string): boolean {
  const replicas = Number((set?.spec as { replicas?: number } | undefined)?.replicas ?? 0);
  return Number(/-(\d+)$/.exec(pod)?.[1] ?? 0) >= replicas;
}
