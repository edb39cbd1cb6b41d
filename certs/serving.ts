/**
 * Chooses which bundle is served: the newest one that the API server accepts. Owns the wait from the moment when the source
 * offers a bundle until callers trust it. A certificate that is not trusted yet would make every review fail.
 */
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { issuerPem } from './check.ts';
import { type Bundle, Latest, type Observed } from './source.ts';
import type { Trust } from './trust.ts';

/** How long callers must have trusted a new CA: the API server uses a new caBundle a moment after our watch shows it. */
const SETTLE_MS = 5_000;
/** If the served certificate expires sooner than this, there is no reason to wait. */
const REMAINING_MS_MIN = 60_000;

interface Choosing {
  readonly serving: Bundle | undefined;
  readonly offered: Bundle;
  readonly nowMs: number;
  readonly acceptedForMs: (bundle: Bundle) => number;
}

/** The wait of the offered bundle, in ms: until callers accept it, as long as they accept the one that is served. */
export function waitOf({ serving, offered, nowMs, acceptedForMs }: Choosing): number {
  if (!serving || issuerPem(serving) === issuerPem(offered)) return 0;
  if (serving.notAfterMs - nowMs < REMAINING_MS_MIN || acceptedForMs(serving) === 0) return 0;
  const offeredForMs = acceptedForMs(offered);
  if (offeredForMs >= SETTLE_MS) return 0;
  const lastMinuteInMs = serving.notAfterMs - REMAINING_MS_MIN - nowMs;
  return Math.min(SETTLE_MS - offeredForMs, lastMinuteInMs + 1);
}

interface ServingParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly offered: Observed<Bundle>;
  readonly trust: Pick<Trust, 'acceptedForMs' | 'onChange'>;
}

/** The bundle that is served now. */
export class ServedBundle extends Latest<Bundle> {
  readonly #parts: ServingParts;
  /** The fingerprint of the bundle whose wait was logged last, so that each wait is logged once. */
  #waiting = '';
  #cancel: () => void = () => undefined;

  /** Chooses again whenever the source offers a bundle, or callers change what they trust. */
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
    const acceptedForMs = (bundle: Bundle) => trust.acceptedForMs(bundle);
    const waitMs = waitOf({ serving, offered: newest, nowMs: clock.nowMs(), acceptedForMs });
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
