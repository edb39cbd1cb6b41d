/**
 * The faults between a replica and the API server. They have the rates of the plan, and end when `calm` is called. A trap
 * kills or freezes a process at its next request with a certain verb, so a process can stop between any two of its steps.
 */
import { KubeError } from '../../../runtime/kube/port.ts';
import type { Faults } from '../api-server.ts';
import type { Random } from '../random.ts';
import { CALM, type Rates } from './plan.ts';

const WRITES = /^(create|apply|replace|patch|delete) /;

const SLOW_MS_MAX = 5_000;

export class Weather implements Faults {
  readonly #random: Random;
  readonly #lateMs = new Map<string, number>();
  readonly timeoutMs: number;
  readonly onDate: (dateMs: number, tookMs: number) => void;
  rates: Rates;
  /** Called before the next request with this verb. The request is still carried out. */
  trap: { readonly verb: string; readonly spring: () => void } | undefined;

  constructor(options: {
    rates: Rates;
    random: Random;
    timeoutMs: number;
    onDate: (dateMs: number, tookMs: number) => void;
  }) {
    this.onDate = options.onDate;
    this.rates = options.rates;
    this.#random = options.random;
    this.timeoutMs = options.timeoutMs;
  }

  calm(): void {
    this.rates = CALM;
    this.trap = undefined;
    this.#lateMs.clear();
  }

  latencyMs(): number {
    if (this.#random.chance(this.rates.slow)) return this.#random.int(200, SLOW_MS_MAX);
    return this.#random.int(1, this.rates.latencyMs);
  }

  before(request: string): KubeError | undefined {
    const { trap } = this;
    if (trap && request.startsWith(trap.verb) && !request.includes('/leases/')) {
      this.trap = undefined;
      trap.spring();
    }
    if (this.#random.chance(this.rates.refused)) return this.#refusal();
    const isConflict = /^(replace|patch|delete) /.test(request) && this.#random.chance(this.rates.conflict);
    return isConflict ? new KubeError('conflict', { status: 409, reason: 'Conflict' }) : undefined;
  }

  after(request: string): 'lost' | undefined {
    return WRITES.test(request) && this.#random.chance(this.rates.lost) ? 'lost' : undefined;
  }

  /** Delays the watches of one kind. Returns a function that ends the delay. */
  late(kind: string, ms: number): () => void {
    this.#lateMs.set(kind, ms);
    return () => this.#lateMs.delete(kind);
  }

  watchDelayMs(kind: string): number {
    return (this.#lateMs.get(kind) ?? 0) + this.#random.int(1, this.rates.watchDelayMs);
  }

  #refusal(): KubeError {
    return this.#random.chance(0.5)
      ? new KubeError('too many requests', { status: 429, retryAfterSeconds: 1 })
      : new KubeError('internal error', { status: 500 });
  }
}
