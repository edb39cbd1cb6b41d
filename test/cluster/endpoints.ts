/**
 * A stand-in for the endpoints of our Service: a ready replica gets new connections and a terminating one gets none, each
 * after a short delay as in a cluster.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './boot.ts';
import type { Front } from './front.ts';
import { type Replica, startReplica } from './replica.ts';

const PROBE_MS = 250;
/** The time from a pod's deletion until no node sends it new connections. */
const PROPAGATION_MS = 700;

type Options = Omit<NonNullable<Parameters<typeof startReplica>[1]>, 'name'>;

/** The replicas of our Deployment, as pods behind the Service. */
export class Rollable {
  readonly #cluster: Cluster;
  readonly #front: Front;
  readonly #options: Options;
  #replicas: Replica[] = [];
  #started = 0;

  constructor(cluster: Cluster, front: Front, options: Options) {
    this.#cluster = cluster;
    this.#front = front;
    this.#options = options;
  }

  get replicas(): readonly Replica[] {
    return this.#replicas;
  }

  /** Starts one more replica. Resolves when it is ready and gets connections. */
  async add(): Promise<Replica> {
    this.#started += 1;
    const replica = await startReplica(this.#cluster, {
      ...this.#options,
      name: `stellar-peers-${this.#started}`,
    });
    this.#replicas.push(replica);
    await replica.ready();
    await delay(PROBE_MS);
    this.#route();
    return replica;
  }

  /** Deletes a replica as its Deployment would. Resolves to its exit code. */
  async end(replica: Replica): Promise<number | null> {
    this.#replicas = this.#replicas.filter((other) => other !== replica);
    replica.kill('SIGTERM');
    const exited = replica.exited;
    await delay(PROPAGATION_MS);
    this.#route();
    return (await exited).code;
  }

  /** Replaces all replicas in turn, each after a new one is ready. Resolves to the exit codes of the old ones. */
  async roll(): Promise<Array<number | null>> {
    const codes: Array<number | null> = [];
    for (const former of [...this.#replicas]) {
      await this.add();
      codes.push(await this.end(former));
    }
    return codes;
  }

  /** Removes replicas that have ended by themselves. */
  forgetEnded(): void {
    this.#replicas = this.#replicas.filter((replica) => replica.exit() === undefined);
    this.#route();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => this.end(replica)));
  }

  #route(): void {
    this.#front.setBackends(this.#replicas.map(({ webhookPort }) => webhookPort));
  }
}
