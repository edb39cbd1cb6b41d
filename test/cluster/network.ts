/**
 * A network of validators in a test cluster. Its digests and hashes are computed here from names, independently of the
 * product.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { StellarNodes } from '../../runtime/kube/resources.ts';
import type { Replica, Replicas } from './replica.ts';
import { createValidator, type Stage, type ValidatorOptions } from './scene.ts';
import { settled } from './settled.ts';
import { isPastSlips } from './slips.ts';
import { READY_HINT } from './stages.ts';
import { type JournalEntry, journalOf } from './told.ts';
import { until } from './until.ts';

/** The digest of a member: the first 8 hex digits of SHA-256 over `namespace/pod:port`. */
export const digestOf = (namespace: string, name: string, port = 11_625): string =>
  createHash('sha256').update(`${namespace}/${name}-0:${port}`).digest('hex').slice(0, 8);

/** The value of `stellar.org/peers` for a pod that knows these validators. */
export const stampOf = (namespace: string, names: readonly string[]): string =>
  `v1:${names
    .map((name) => digestOf(namespace, name))
    .sort()
    .join()}`;

export const THREE = ['validator-1', 'validator-2', 'validator-3'];
export const FOUR = [...THREE, 'validator-4'];
export const FIVE = [...FOUR, 'validator-5'];

export class Network {
  readonly #scene: Stage;
  readonly namespace: string;
  readonly #options: ValidatorOptions;

  /** The validators of one namespace, with their own private network. */
  constructor(scene: Stage, namespace: string, options: ValidatorOptions = {}) {
    this.#scene = scene;
    this.namespace = namespace;
    const spec = { customNetworkPassphrase: `${namespace} ; 2026`, ...options.spec };
    this.#options = { ...options, namespace, spec };
  }

  /** Creates the namespace and these validators, at once or with pauses. */
  async found(names: readonly string[], apartMs = 0): Promise<void> {
    await this.#scene.cluster.createNamespace(this.namespace);
    await Promise.all(names.map((name, index) => delay(index * apartMs).then(() => this.add(name))));
  }

  /** Creates validators as `found` does, and waits until each of them knows all the others and is Ready. */
  async foundUpToDate(names: readonly string[] = THREE): Promise<this> {
    await this.found(names);
    await this.untilTheyKnow(names);
    return this;
  }

  async add(name: string, options: ValidatorOptions = {}): Promise<void> {
    const spec = { ...this.#options.spec, ...options.spec };
    await createValidator(this.#scene, name, { ...this.#options, ...options, spec });
  }

  /** Changes fields of a StellarNode's spec. */
  async change(name: string, spec: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#kubectl(['patch', 'stellarnode', name, '--type=merge', '-p', JSON.stringify({ spec })]);
  }

  /** Sets the readiness of the running pod by a value of READY_HINT; undefined to remove the hint. */
  async setReadiness(name: string, hint: string | undefined): Promise<void> {
    const change = hint === undefined ? `${READY_HINT}-` : `${READY_HINT}=${hint}`;
    await this.#kubectl(['annotate', 'pod', `${name}-0`, change, '--overwrite']);
  }

  async remove(name: string): Promise<void> {
    await this.#kubectl(['delete', 'stellarnode', name, '--wait=false']);
  }

  /** Deletes the pod, once it is old enough that its end counts as a restart (see slips.ts). */
  async deletePod(name: string): Promise<void> {
    await until(`${name} has run for a moment`, () => {
      const life = this.#scene.pods.lives(this.podOf(name)).at(-1);
      return life !== undefined && isPastSlips(life, Date.now());
    });
    await this.#kubectl(['delete', 'pod', `${name}-0`, '--wait=false']);
  }

  #kubectl(args: readonly string[]): Promise<string> {
    return this.#scene.cluster.kubectl(['-n', this.namespace, ...args]);
  }

  podOf = (name: string): string => `${this.namespace}/${name}-0`;

  /** How often the pod of each of these validators was replaced; 0 if never. */
  restarts(names: readonly string[]): Record<string, number> {
    const counts = this.#scene.pods.restarts();
    return Object.fromEntries(names.map((name) => [name, counts[this.podOf(name)] ?? 0]));
  }

  /** Asserts that the pod of each validator was replaced so many times. An error has the history of the pods. */
  assertRestarts(names: readonly string[], times: readonly number[], why?: string): void {
    const replaced = Object.values(this.restarts(names));
    const lives = names.flatMap((name) =>
      this.#scene.pods.lives(this.podOf(name)).map((life) => ({ name, ...life })),
    );
    const history = lives.map((life) => JSON.stringify(life)).join('\n');
    assert.deepEqual(
      replaced,
      times,
      `${why ?? names.join(', ')}: ${replaced} restarts, not ${times}\n${history}`,
    );
  }

  /** The stamp of the pod; undefined if the pod was not injected. */
  stamp(name: string): string | undefined {
    return this.#scene.pods.pods.get(this.podOf(name))?.metadata.annotations?.['stellar.org/peers'];
  }

  async untilReady(names: readonly string[], deadlineMs = 60_000): Promise<void> {
    const { pods } = this.#scene;
    const ready = () => names.every((name) => pods.isReady(this.podOf(name)));
    await pods.until(`${names.join(', ')} of ${this.namespace} are Ready`, ready, deadlineMs);
  }

  /** Waits until a new object would be younger than these pods, because Kubernetes writes whole seconds. */
  async untilOlder(names: readonly string[]): Promise<void> {
    const made = names.map((name) =>
      Date.parse(this.#scene.pods.pods.get(this.podOf(name))?.metadata.creationTimestamp ?? ''),
    );
    await until('a later second has begun', () => made.every((atMs) => Date.now() >= atMs + 1_000));
  }

  /** Waits until each of these validators was injected with all the others as peers, Ready or not. */
  async untilStamped(names: readonly string[]): Promise<void> {
    const done = () => names.every((name) => this.stamp(name) === this.#wanted(name, names));
    await this.#scene.pods.until(`${names.join(', ')} of ${this.namespace} are stamped`, done);
  }

  #wanted = (name: string, names: readonly string[]): string =>
    stampOf(
      this.namespace,
      names.filter((other) => other !== name),
    );

  /** Waits until each of these validators knows all the others and is Ready. */
  untilTheyKnow(names: readonly string[], deadlineMs = 90_000): Promise<void> {
    return this.untilKnown(names, names, deadlineMs);
  }

  /** Waits until all know the fourth. Asserts that the three were restarted once each, and never two at once. */
  async untilFourth(): Promise<void> {
    await this.untilTheyKnow(FOUR);
    this.assertRestarts(FOUR, [1, 1, 1, 0]);
    assert.equal(this.mostDown(0), 1);
  }

  /** Waits until the leader has nothing left to do. Throws if it has restarted one of these meanwhile. */
  async settledAsTheyWere(names: readonly string[] = FOUR): Promise<void> {
    const before = this.restarts(names);
    const { cluster, replicas } = this.#scene;
    await settled({ cluster, replicas });
    assert.deepEqual(this.restarts(names), before);
  }

  /** The restarts of this namespace in the journal, oldest first. */
  journal(): Promise<JournalEntry[]> {
    return journalOf(this.#scene.cluster, ({ statefulSet }) => statefulSet.startsWith(`${this.namespace}/`));
  }

  /** Waits until each of `names` knows all `others` except itself, and is Ready. */
  async untilKnown(names: readonly string[], others: readonly string[], deadlineMs = 90_000): Promise<void> {
    const { pods } = this.#scene;
    const done = () =>
      names.every(
        (name) => this.stamp(name) === this.#wanted(name, others) && pods.isReady(this.podOf(name)),
      );
    const [these, all] = [names.join(', '), others.join(', ')];
    await pods.until(`${these} of ${this.namespace} know ${all}`, done, deadlineMs);
  }

  /** The most pods of this network that were down at once since `sinceMs`. */
  mostDown(sinceMs: number): number {
    const inside = (pod: string) => (pod.startsWith(`${this.namespace}/`) ? 'here' : undefined);
    return this.#scene.pods.maxDown(inside, { sinceMs }).here ?? 0;
  }

  /** Waits until the StellarNode is gone. */
  async untilGone(name: string): Promise<void> {
    const ref = { resource: StellarNodes, namespace: this.namespace, name };
    await until(`${name} is gone`, async () => (await this.#scene.cluster.admin.get(ref)) === undefined);
  }
}

/** The replica that leads now. */
export function leaderOf({ replicas }: Pick<Replicas, 'replicas'>): Promise<Replica> {
  return until('a replica leads', async () => {
    const pages = await Promise.all(
      replicas.map((replica) => replica.get('/metrics').catch(() => ({ body: '' }))),
    );
    return replicas[pages.findIndex(({ body }) => /^stellar_peers_leader 1$/m.test(body))];
  });
}
