/**
 * Lasting obstacles: admission policies, foreign webhooks and controllers that refuse or revert our restarts.
 */
import type { PatchOperation } from '../../../runtime/kube/port.ts';
import { Pods, StatefulSets } from '../../../runtime/kube/resources.ts';
import type { SimServer, Written } from '../api-server.ts';
import { forbidden, invalid } from '../refusals.ts';
import type { SimTime } from '../time.ts';
import { specOf } from '../workloads.ts';
import type { How } from './hindrances.ts';
import type { NodePlan } from './plan.ts';
import { split, tokenOf } from './standing.ts';

const RESTART_PATH = '/spec/template/metadata/annotations';
const TOKEN_PATH = `${RESTART_PATH}/stellar.org~1peer-restart`;

export interface Obstacle {
  readonly how: How;
  readonly namespace: string;
  /** The validator; default: all validators of the namespace. */
  readonly name?: string | undefined;
  /** The time until a restart of ours is reverted, in ms. */
  readonly revertMs?: number;
}

interface Edges {
  readonly server: SimServer;
  readonly time: SimTime;
  readonly nodes: readonly NodePlan[];
  readonly isOurs: (by: string) => boolean;
}

export class Policies {
  readonly #edges: Edges;
  readonly #obstacles = new Set<Obstacle>();
  /** When the last obstacle for a validator was lifted, in ms of the history. */
  readonly #liftedAtMs = new Map<string, number>();
  /** The times of restarts that were answered with 200 but not stored, by validator, in ms of the history. */
  readonly stripped = new Map<string, number[]>();

  constructor(edges: Edges) {
    this.#edges = edges;
    edges.server.policy = (written) => this.#check(written);
    edges.server.store.onChange(({ resource, former, next, by }) => {
      if (resource.kind !== StatefulSets.kind || !former || !next || !edges.isOurs(by)) return;
      if (tokenOf(former) === tokenOf(next)) return;
      const key = `${next.metadata.namespace}/${next.metadata.name}`;
      const obstacle = this.over(key);
      if (obstacle?.how === 'revert') this.#revertLater(key, tokenOf(former), obstacle.revertMs ?? 0);
    });
  }

  get any(): boolean {
    return this.#obstacles.size > 0;
  }

  /** Adds an obstacle. Returns a function that lifts it. */
  add(obstacle: Obstacle): () => void {
    this.#obstacles.add(obstacle);
    return () => this.#lift(obstacle);
  }

  lift(): void {
    for (const obstacle of this.#obstacles) this.#lift(obstacle);
  }

  /** The obstacle for a validator; undefined if there is none. */
  over(key: string): Obstacle | undefined {
    const { namespace, name } = split(key);
    return [...this.#obstacles].find(
      (each) => each.namespace === namespace && (each.name === undefined || each.name === name),
    );
  }

  /** For how long there has been no obstacle for a validator, in ms. */
  clearForMs(key: string): number {
    if (this.over(key)) return 0;
    return this.#edges.time.monotonicMs() - (this.#liftedAtMs.get(key) ?? Number.NEGATIVE_INFINITY);
  }

  #lift(obstacle: Obstacle): void {
    if (!this.#obstacles.delete(obstacle)) return;
    for (const { namespace, name } of this.#edges.nodes) {
      const isConcerned = obstacle.namespace === namespace && (obstacle.name ?? name) === name;
      if (isConcerned) this.#liftedAtMs.set(`${namespace}/${name}`, this.#edges.time.monotonicMs());
    }
  }

  #check({ verb, ref, by, operations }: Written): readonly PatchOperation[] {
    if (!this.#edges.isOurs(by)) return operations;
    const isPod = ref.resource.kind === Pods.kind && verb === 'delete';
    if (!isPod && ref.resource.kind !== StatefulSets.kind) return operations;
    const key = `${ref.namespace}/${isPod ? ref.name.replace(/-\d+$/, '') : ref.name}`;
    const how = this.over(key)?.how;
    if (how === 'deny') {
      throw invalid(`ValidatingAdmissionPolicy 'no-restarts' with binding 'all' denied request: not ${key}`);
    }
    if (how === 'forbid') throw forbidden('admission webhook "guard.example.com" denied the request: no');
    if (how !== 'strip') return operations;
    const left = operations.filter(({ op, path }) => op === 'remove' || !path.startsWith(RESTART_PATH));
    if (left.length < operations.length) {
      this.stripped.set(key, [...(this.stripped.get(key) ?? []), this.#edges.time.monotonicMs()]);
    }
    return left;
  }

  #revertLater(key: string, before: string | undefined, ms: number): void {
    const { server, time } = this.#edges;
    const ref = { resource: StatefulSets, ...split(key) };
    time.schedule(ms, () => {
      const set = server.store.get(ref);
      if (!set || tokenOf(set) === before || this.over(key)?.how !== 'revert') return;
      const hasAnnotations = specOf(set).template.metadata?.annotations !== undefined;
      if (!hasAnnotations) return;
      const operation: PatchOperation =
        before === undefined
          ? { op: 'remove', path: TOKEN_PATH }
          : { op: 'replace', path: TOKEN_PATH, value: before };
      void server
        .actor('gitops')
        .patch(ref, [operation])
        .catch(() => undefined);
    });
  }
}
