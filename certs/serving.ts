/**
 * Chooses which bundle is served: the newest one that the API server accepts. Owns the wait from the moment when the source
 * offers a bundle until callers trust it. A certificate that is not trusted yet would make every review fail.
 */
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { issuerPem } from './check.ts';
import { type Bundle, Latest, type Observed } from './source.ts';
import type { Trust } from './trust.ts';

/** The API server uses a new caBundle a moment after the watches show it. */
const SETTLE_MS = 5_000;
/** If the served certificate expires sooner than this, there is no reason to wait. */
const REMAINING_MS_MIN = 60_000;

interface Choosing {
  readonly serving: Bundle | undefined;
  readonly offered: Bundle;
  readonly nowMs: number;
  /** For how long callers have trusted a bundle's certificate, in ms; 0 if they do not. */
  readonly servedForMs: (bundle: Bundle) => number;
}

/**
 * How long the offered bundle waits, unless something changes before; 0 if it is to be served now. It waits while callers
 * do not trust its CA yet, and do trust the bundle that is served.
 */
export function waitOf({ serving, offered, nowMs, servedForMs }: Choosing): number {
  if (!serving || issuerPem(serving) === issuerPem(offered)) return 0;
  if (serving.notAfterMs - nowMs < REMAINING_MS_MIN || servedForMs(serving) === 0) return 0;
  const trustedForMs = servedForMs(offered);
  if (trustedForMs >= SETTLE_MS) return 0;
  const expiresInMs = serving.notAfterMs - REMAINING_MS_MIN - nowMs;
  return Math.min(SETTLE_MS - trustedForMs, expiresInMs + 1);
}

interface ServingParts {
  readonly clock: Clock;
  readonly log: Log;
  /** The newest bundle of the source. */
  readonly offered: Observed<Bundle>;
  readonly trust: Pick<Trust, 'servedForMs' | 'onChange'>;
}

export class ServedBundle extends Latest<Bundle> {
  readonly #parts: ServingParts;
  /** Names the bundle that waits, for the log. */
  #waiting = '';
  #cancel: () => void = () => undefined;

  /** From now on, follows what the source offers. */
  constructor(parts: ServingParts) {
    super();
    this.#parts = parts;
    parts.offered.onChange(() => this.#choose());
    parts.trust.onChange(() => this.#choose());
  }

  #choose(): void {
    const { clock, offered, trust } = this.#parts;
    const newest = offered.observe();
    const serving = this.observe();
    if (!newest || newest === serving) return;
    this.#cancel();
    const servedForMs = (bundle: Bundle) => trust.servedForMs(bundle);
    const waitMs = waitOf({ serving, offered: newest, nowMs: clock.nowMs(), servedForMs });
    if (waitMs > 0) {
      this.#logWaiting(newest);
      this.#cancel = clock.after(waitMs, () => this.#choose());
      return;
    }
    this.set(newest);
  }

  #logWaiting({ fingerprint, serial }: Bundle): void {
    if (this.#waiting === fingerprint) return;
    this.#waiting = fingerprint;
    this.#parts.log.info(
      { serial, fingerprint },
      'a certificate of another CA waits until caBundle has named that CA for a while',
    );
  }
}
