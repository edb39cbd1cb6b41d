/**
 * Leadership by a Lease: at most one replica reconciles. Owns the Lease, and tells for how long it is ours. The Lease
 * is created empty by server-side apply, because RBAC can restrict that to its name. It is claimed only by a PUT with
 * the resourceVersion read, because two applies by the same field manager would both succeed.
 */
import { FIELD_MANAGER, LEADER_LEASE } from '../../peers/names.ts';
import type { Clock } from '../../runtime/clock.ts';
import { hasStatus, isConflict, type Kube, type KubeObject } from '../../runtime/kube/port.ts';
import { Leases, type ObjectRef } from '../../runtime/kube/resources.ts';
import type { Log } from '../../runtime/log.ts';
import type { Subscribe } from '../../runtime/notifier.ts';
import { RateLimitedLog } from '../../runtime/rate-limited-log.ts';
import { Wake } from '../../runtime/wake.ts';
import { claimed, DURATION_MS_MAX, type LeaseSpec, leaseBody, leaseSpecOf } from './lease.ts';

export interface LeaderOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly namespace: string;
  readonly identity: string;
  readonly leaseDurationMs: number;
  /** The longest that a write of ours may take. Leadership ends by this much before the Lease does. */
  readonly requestTimeoutMs: number;
  readonly onHolderChange: Subscribe;
}

export class Leader {
  readonly #options: LeaderOptions;
  readonly #ref: ObjectRef;
  #lease: KubeObject | undefined;
  /** The record of the Lease when it last changed, and when that was by our own clock: others may be wrong. */
  #record = '';
  #recordChangedAtMs: number;
  /** The duration in that record. It is kept after the Lease was deleted. */
  #saidMs = 0;
  /** Until when the Lease is certainly ours, monotonic; 0 while it is not. */
  #oursUntilMs = 0;
  readonly #limitedLog: RateLimitedLog;
  readonly #absurdity: RateLimitedLog;
  readonly #wake: Wake;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#limitedLog = new RateLimitedLog(options.clock, options.log);
    this.#absurdity = new RateLimitedLog(options.clock, options.log);
    this.#wake = new Wake(options.clock);
    this.#ref = { resource: Leases, namespace: options.namespace, name: LEADER_LEASE };
    this.#recordChangedAtMs = options.clock.monotonicMs();
  }

  /** For how long a write may still begin, in ms; 0 or less for a replica that does not lead. */
  remainingMs(): number {
    return this.#oursUntilMs - this.#options.clock.monotonicMs() - this.#options.requestTimeoutMs;
  }

  leads(): boolean {
    return this.remainingMs() > 0;
  }

  /** True if this or another replica leads, as far as this replica can see. */
  someoneLeads(): boolean {
    if (this.leads()) return true;
    const { clock, leaseDurationMs } = this.#options;
    const held = (this.#spec().holderIdentity ?? '') !== '';
    return held && clock.monotonicMs() - this.#recordChangedAtMs < leaseDurationMs;
  }

  /** Who holds the Lease, as last read. */
  holder(): string {
    return this.#spec().holderIdentity ?? '';
  }

  /** Stands for election until `signal` aborts, then gives the Lease back. Runs `lead` while this replica leads. */
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { leaseDurationMs, onHolderChange } = this.#options;
    const stopListening = onHolderChange(() => this.#wake.notify());
    let term: { stop: AbortController; ended: Promise<void> } | undefined;
    while (!signal.aborted) {
      await this.#tryHold();
      if (this.leads() && !term) {
        const stop = new AbortController();
        term = { stop, ended: lead(stop.signal) };
      } else if (!this.leads() && term) {
        term = await this.#endTerm(term);
      }
      await this.#wake.wait(this.#pauseMs(leaseDurationMs), signal);
    }
    stopListening();
    if (term) await this.#endTerm(term);
    await this.#release();
  }

  /** A leader whose renewal fails tries again sooner, because its term goes on until the end. */
  #pauseMs(leaseDurationMs: number): number {
    const pauseMs = this.#options.clock.jitter(leaseDurationMs / 5);
    if (!this.leads()) return pauseMs;
    return Math.max(Math.min(pauseMs, this.remainingMs()), leaseDurationMs / 50);
  }

  async #endTerm(term: { stop: AbortController; ended: Promise<void> }): Promise<undefined> {
    term.stop.abort();
    await term.ended;
    this.#options.log.info({ holder: this.holder() }, 'leadership ended');
  }

  #spec(): LeaseSpec {
    return leaseSpecOf(this.#lease);
  }

  async #tryHold(): Promise<void> {
    const { identity } = this.#options;
    try {
      if (this.#spec().holderIdentity !== identity) await this.#read();
      this.#warnOfAbsurdity();
      if (this.#mayClaim()) await this.#claim(identity);
      this.#limitedLog.over();
    } catch (error) {
      // Another writer changed or deleted the Lease in between.
      if (isConflict(error) || hasStatus(error, 404)) await this.#read().catch(() => undefined);
      else this.#limitedLog.log({ error }, 'the leader lease could not be read or written');
    }
  }

  async #read(): Promise<void> {
    const { kube } = this.#options;
    this.#lease =
      (await kube.get(this.#ref)) ??
      (await kube.apply(this.#ref, leaseBody(this.#ref), { manager: FIELD_MANAGER }));
    // A Lease that names another replica is not ours, whatever we remember.
    if (this.holder() !== this.#options.identity) this.#oursUntilMs = 0;
    const record = JSON.stringify(this.#lease.spec ?? {});
    if (record === this.#record || record === UNCLAIMED) return;
    this.#record = record;
    this.#recordChangedAtMs = this.#options.clock.monotonicMs();
    this.#saidMs = (this.#spec().leaseDurationSeconds ?? 0) * 1000;
  }

  /**
   * True if the Lease is ours, was given back, was never held, or was not renewed for its whole duration while we
   * watched. A Lease that was deleted and created again tells nothing about its last holder, who may still lead, so it
   * is free no sooner than the old one.
   */
  #mayClaim(): boolean {
    const { holderIdentity } = this.#spec();
    const { identity, clock } = this.#options;
    if (holderIdentity === '' || holderIdentity === identity) return true;
    if (holderIdentity === undefined && this.#record === '') return true;
    return clock.monotonicMs() - this.#recordChangedAtMs > this.#termMs();
  }

  /**
   * For how long the last holder may lead after its last renewal. Its Lease may be longer than ours, but a value of 68
   * years is believed only up to a limit, and no longer after the Lease was deleted.
   */
  #termMs(): number {
    const isDeleted = this.#spec().holderIdentity === undefined;
    const saidMs = this.#isAbsurd && isDeleted ? 0 : Math.min(this.#saidMs, DURATION_MS_MAX);
    return Math.max(this.#options.leaseDurationMs, saidMs);
  }

  get #isAbsurd(): boolean {
    return this.#saidMs > DURATION_MS_MAX;
  }

  #warnOfAbsurdity(): void {
    const { holderIdentity = '' } = this.#spec();
    if (!this.#isAbsurd || holderIdentity === '') return void this.#absurdity.over();
    this.#absurdity.log(
      {
        lease: `${this.#ref.namespace}/${this.#ref.name}`,
        holder: holderIdentity.slice(0, 80),
        leaseDurationSeconds: this.#saidMs / 1000,
      },
      `the leader lease has a duration as no replica writes it, and is taken over after ${DURATION_MS_MAX / 1000} s without a change; delete it if its holder is gone`,
    );
  }

  async #claim(holderIdentity: string): Promise<void> {
    const { clock, leaseDurationMs, log } = this.#options;
    const led = this.leads();
    // Counted from before the request was sent, because the server may write the Lease at once.
    const sentAtMs = clock.monotonicMs();
    const by = { holderIdentity, durationMs: leaseDurationMs, nowMs: clock.nowMs() };
    await this.#write(claimed(this.#spec(), by));
    this.#oursUntilMs = sentAtMs + leaseDurationMs;
    if (!led) log.info({ identity: holderIdentity }, 'leadership begun');
  }

  async #write(spec: LeaseSpec): Promise<void> {
    const body = leaseBody(this.#ref);
    this.#lease = await this.#options.kube.replace(this.#ref, {
      ...body,
      // Owners and finalizers of others stay: policy stellar-peers-own refuses a write without them.
      metadata: { resourceVersion: '', ...this.#lease?.metadata, ...body.metadata },
      spec,
    });
    this.#record = JSON.stringify(spec);
    this.#recordChangedAtMs = this.#options.clock.monotonicMs();
    this.#saidMs = (spec.leaseDurationSeconds ?? 0) * 1000;
  }

  async #release(): Promise<void> {
    if (!this.leads()) return;
    this.#oursUntilMs = 0;
    await this.#write({ ...this.#spec(), holderIdentity: '' }).catch((error: unknown) =>
      this.#options.log.warn({ error }, 'the leader lease could not be given back'),
    );
  }
}

/** The record of a Lease that was never claimed. */
const UNCLAIMED = '{}';
