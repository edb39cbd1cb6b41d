/**
 * The managed source: a CA and a certificate that we make ourselves, in a Secret that all replicas share. Owns how the
 * Secret is read, adopted and written. plan.ts decides what to do, and authority.ts makes the certificates.
 */
import { CERT_SECRET } from '../peers/names.ts';
import type { Clock } from '../runtime/clock.ts';
import { hasStatus, isConflict, type Kube, type KubeObject } from '../runtime/kube/port.ts';
import type { Log } from '../runtime/log.ts';
import type { Notifier, Subscribe } from '../runtime/notifier.ts';
import { contentAfter, type Lifetimes } from './issue.ts';
import { type Round, runLoop } from './loop.ts';
import { type CertContent, type CertStep, type CertTerms, planCertificate } from './plan.ts';
import { contentOf, createEmptySecret, fillSecret, readSecret } from './secret.ts';
import type { Bundle, Callers, CertSource, Latest } from './source.ts';

/** A certificate is renewed at about this part of its life. Each replica draws its own, so that few renew at once. */
const RENEW_AT = 2 / 3;
/** The pause between two probes while they fail. It may be long, because a rotation is not urgent. */
const PROBE_MS = 30_000;

export interface ManagedSettings extends Lifetimes, Pick<CertTerms, 'hosts' | 'overlapMs' | 'retireMs'> {
  readonly namespace: string;
  /** How often the Secret is read even if the watch reports no change; well below `retireMs`. */
  readonly pollMs: number;
}

interface ManagedParts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSecretChange: Subscribe;
  /** Notified when the API server answers any request of this process. */
  readonly outage: Notifier;
  /** The API servers that call us. They must trust a new CA before a certificate of that CA is made. */
  readonly callers: Callers;
}

/** The source for the Secret in `settings.namespace`. It creates, repairs and renews the content. */
export class ManagedSource implements CertSource {
  readonly #parts: ManagedParts;
  readonly #settings: ManagedSettings;
  readonly #terms: CertTerms;
  /** The CAs and the certificate that the last round read, and since when each round has read the same. */
  #seen: { readonly content: string; readonly sinceMs: number } = { content: '', sinceMs: 0 };

  constructor(parts: ManagedParts, settings: ManagedSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#terms = { ...settings, renewAt: parts.clock.jitter(RENEW_AT) };
  }

  async run(bundle: Latest<Bundle>, signal: AbortSignal): Promise<void> {
    const { callers, clock, log, onSecretChange, outage } = this.#parts;
    const changes = [callers.onChange, onSecretChange];
    const logFailure = (error: unknown, retryInMs: number) =>
      log.warn(
        { secret: this.#secret, error, retryInMs },
        'certificate Secret cannot be read or written, trying again',
      );
    await runLoop({ clock, round: () => this.#round(bundle), changes, outage, logFailure }, signal);
  }

  /** Hands out a good bundle first and writes only in a later round: a write that fails must not delay the bundle. */
  async #round(bundle: Latest<Bundle>): Promise<Round> {
    const { callers, kube, clock, log } = this.#parts;
    const last = bundle.observe();
    const { namespace, pollMs } = this.#settings;
    const secret = (await readSecret(kube, namespace)) ?? (await createEmptySecret(kube, namespace));
    const content = contentOf(secret);
    const situation = {
      nowMs: clock.nowMs(),
      seenForMs: this.#seenForMs(content),
      trustedForMs: callers.caTrustedForMs(content.caPem),
      last,
    };
    const plan = planCertificate(content, situation, this.#terms);
    const found = plan.bundle;
    if (found && found.fingerprint !== last?.fingerprint) {
      const { serial, fingerprint, notAfterMs } = found;
      const notAfter = new Date(notAfterMs).toISOString();
      log.info({ serial, fingerprint, notAfter }, 'certificate adopted from Secret');
      return { lookInMs: 0, sentNothing: true, afterRound: () => bundle.set(found) };
    }
    if (!plan.step) return { lookInMs: Math.min(clock.jitter(pollMs), plan.lookInMs) };
    if (await this.#mustWait(plan.step)) return { lookInMs: clock.jitter(PROBE_MS) };
    await this.#carryOut(plan.step, secret, content);
    return { again: true };
  }

  /** True if a rotation must not issue a certificate of the new CA yet, because a test call to the webhook fails. */
  async #mustWait({ kind, why }: CertStep): Promise<boolean> {
    if (kind !== 'issueLeaf' || why.reason !== 'Rotation') return false;
    const problem = await this.#parts.callers.probe();
    if (problem === undefined) return false;
    this.#parts.log.warn(
      { secret: this.#secret, step: kind, problem },
      'the rotation waits: a call through the webhook configuration fails',
    );
    return true;
  }

  /** For how long each round has read the CAs and the certificate of `content`, in ms; 0 if they are new. */
  #seenForMs(content: CertContent): number {
    const nowMs = this.#parts.clock.monotonicMs();
    const seen = content.caPem + content.certPem;
    if (seen !== this.#seen.content) this.#seen = { content: seen, sinceMs: nowMs };
    return nowMs - this.#seen.sinceMs;
  }

  async #carryOut(step: CertStep, secret: KubeObject, content: CertContent): Promise<void> {
    const { kube, clock, log } = this.#parts;
    const after = await contentAfter(step, content, { ...this.#settings, nowMs: clock.nowMs() });
    const { reason, sentence } = step.why;
    const fields = { secret: this.#secret, step: step.kind, reason, why: sentence };
    try {
      await fillSecret(kube, secret, after);
    } catch (error) {
      if (!isConflict(error) && !hasStatus(error, 404)) throw error;
      log.info(fields, 'certificate Secret was changed by another writer meanwhile, reading it again');
      return;
    }
    log[isExpected(step, content) ? 'info' : 'warn'](fields, 'certificate Secret written');
  }

  get #secret(): string {
    return `${this.#settings.namespace}/${CERT_SECRET}`;
  }
}

/** True for a step that is no cause for concern: the first start, a renewal, the next step of a rotation. */
function isExpected(step: CertStep, before: CertContent): boolean {
  const firstStart = step.kind === 'reissueAll' && before.caPem + before.certPem === '';
  return firstStart || step.why.reason === 'RenewalDue' || step.why.reason === 'Rotation';
}
