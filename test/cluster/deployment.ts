/** Replaces replicas as a Deployment does: a new replica is ready before an old one is asked to stop. */
import { type Replica, startReplica } from './replica.ts';
import { type Scene, SHORT, untilAsked } from './scene.ts';

const REPLICAS = 2;

export class Deployment {
  readonly #scene: Scene;
  #running: readonly Replica[] = [];
  #startedCount = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  get running(): readonly Replica[] {
    return this.#running;
  }

  /** Replaces each replica by a new one. Starts replicas if there are none. */
  async roll(): Promise<void> {
    const former = this.#running;
    for (let index = 0; index < REPLICAS; index += 1) {
      await this.#add();
      await this.#remove(former[index]);
    }
    await untilAsked(this.#scene.cluster, { replicas: this.#running }, 'default');
  }

  /** Asks all replicas to stop. Resolves when they have ended. */
  async end(): Promise<void> {
    await Promise.all(this.#running.map((replica) => this.#remove(replica)));
  }

  async #add(): Promise<void> {
    this.#startedCount += 1;
    const name = `stellar-peers-${this.#startedCount}`;
    const replica = await startReplica(this.#scene.cluster, { name, env: SHORT });
    await replica.ready();
    this.#use([...this.#running, replica]);
  }

  async #remove(replica: Replica | undefined): Promise<void> {
    if (!replica) return;
    this.#use(this.#running.filter((other) => other !== replica));
    replica.kill('SIGTERM');
    await replica.exited;
  }

  #use(replicas: readonly Replica[]): void {
    this.#running = replicas;
    this.#scene.front.setBackends(replicas.map(({ webhookPort }) => webhookPort));
  }
}
