/**
 * Leadership by a Lease: at most one replica reconciles. Owns the Lease, and says for how long it is ours.
 * The Lease is created empty by server-side apply (RBAC can name that) and claimed only by a PUT with the
 * resourceVersion read, since two applies by one field manager would both succeed.
 */
import { FIELD_MANAGER, LEADER_LEASE } from '../../peers/names.ts';
import type { Clock } from '../../runtime/clock.ts';
import { hasStatus, isConflict, type Kube, type KubeObject } from '../../runtime/kube/port.ts';
import { Leases, type ObjectRef } from '../../runtime/kube/resources.ts';
import type { Log } from '../../runtime/log.ts';
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
  /** A write of ours may take this long: leadership ends that much before the Lease does. */
  readonly requestTimeoutMs: number;
  /** Told when the Lease has another holder, or none, where a watch does so; without, looking now and then finds it. */
  readonly onHolderChange?: (listener: () => void) => () => void;
}

export class Leader {
  readonly #options: LeaderOptions;
  readonly #ref: ObjectRef;
  #lease: KubeObject | undefined;
  /** The holder's record as last seen to change, and when by our own clock: foreign clocks are not trusted. */
  #record = '';
  #recordChangedAtMs: number;
  /** How long the Lease lasts by that record, which is remembered where the Lease was deleted since. */
  #saidMs = 0;
  /** Until when the Lease is surely ours, monotonic; 0 while it is not. */
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

  /** True if some replica leads, this one included, as far as can be seen from here. */
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

  /**
   * Stands for election until `signal` aborts, then gives the Lease back. While this replica leads, `lead` runs
   * with a signal that aborts when leadership is lost.
   */
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { leaseDurationMs, onHolderChange } = this.#options;
    const stopListening = onHolderChange?.(() => this.#wake.notify());
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
    stopListening?.();
    if (term) await this.#endTerm(term);
    await this.#release();
  }

  /** A leader that struggles tries again sooner; it has until its term ends. */
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
      // Another writer changed or deleted it in between.
      if (isConflict(error) || hasStatus(error, 404)) await this.#read().catch(() => undefined);
      else this.#limitedLog.log({ error }, 'the leader lease could not be read or written');
    }
  }

  async #read(): Promise<void> {
    const { kube } = this.#options;
    this.#lease =
      (await kube.get(this.#ref)) ??
      (await kube.apply(this.#ref, leaseBody(this.#ref), { manager: FIELD_MANAGER }));
    // Whatever we believed, a Lease that names another is not ours.
    if (this.holder() !== this.#options.identity) this.#oursUntilMs = 0;
    const record = JSON.stringify(this.#lease.spec ?? {});
    if (record === this.#record || record === UNCLAIMED) return;
    this.#record = record;
    this.#recordChangedAtMs = this.#options.clock.monotonicMs();
    this.#saidMs = (this.#spec().leaseDurationSeconds ?? 0) * 1000;
  }

  /**
   * Ours already, given back, never seen held, or not renewed for its whole duration while we watched. One that was
   * deleted and made anew says nothing of its last holder, who may still lead: it is no sooner free than the old one.
   */
  #mayClaim(): boolean {
    const { holderIdentity } = this.#spec();
    const { identity, clock } = this.#options;
    if (holderIdentity === '' || holderIdentity === identity) return true;
    if (holderIdentity === undefined && this.#record === '') return true;
    return clock.monotonicMs() - this.#recordChangedAtMs > this.#termMs();
  }

  /**
   * For how long after its last renewal the last holder may lead. It may be set to a longer Lease than ours, but not to
   * one of 68 years: that is believed up to the bound, and not at all any more once it has been deleted.
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
    // The term counts from before the request was sent: the server may have written it at once.
    const sentAtMs = clock.monotonicMs();
    const by = { holderIdentity, durationMs: leaseDurationMs, nowMs: clock.nowMs() };
    await this.#write(claimed(this.#spec(), by));
    this.#oursUntilMs = sentAtMs + leaseDurationMs;
    if (!led) log.info({ identity: holderIdentity }, 'leadership begun');
  }

  async #write(spec: LeaseSpec): Promise<void> {
    const resourceVersion = this.#lease?.metadata.resourceVersion ?? '';
    const body = leaseBody(this.#ref);
    this.#lease = await this.#options.kube.replace(this.#ref, {
      ...body,
      metadata: { ...body.metadata, resourceVersion },
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
