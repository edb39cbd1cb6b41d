/**
 * Which bundle is served: the newest that the API server accepts. Owns the wait between a bundle that the source
 * offers and the moment when callers trust it; a certificate that is not trusted yet would fail every review.
 */
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { issuerPem } from './check.ts';
import { Latest } from './current.ts';
import type { Bundle, Observed } from './source.ts';
import type { Trust } from './trust.ts';

/** The API server takes up a new caBundle a moment after the watches tell of it. */
const SETTLE_MS = 5_000;
/** A certificate that ends sooner than this is no reason to wait. */
const REMAINING_MS_MIN = 60_000;

interface Choice {
  readonly bundle: Bundle;
  /** Where another one waits: when to look again, if nothing changes before. */
  readonly waitsMs?: number;
}

interface Choosing {
  readonly serving: Bundle | undefined;
  readonly offered: Bundle;
  readonly nowMs: number;
  /** For how long callers have trusted a bundle's certificate, in ms; 0 if they do not. */
  readonly servedForMs: (bundle: Bundle) => number;
}

/**
 * The bundle to serve now. The offered one, unless it is of another CA which callers do not trust yet while they do
 * trust what is served.
 */
export function chooseBundle({ serving, offered, nowMs, servedForMs }: Choosing): Choice {
  if (!serving || issuerPem(serving) === issuerPem(offered)) return { bundle: offered };
  if (serving.notAfterMs - nowMs < REMAINING_MS_MIN || servedForMs(serving) === 0) return { bundle: offered };
  const trustedForMs = servedForMs(offered);
  if (trustedForMs >= SETTLE_MS) return { bundle: offered };
  const expiresInMs = serving.notAfterMs - REMAINING_MS_MIN - nowMs;
  return { bundle: serving, waitsMs: Math.min(SETTLE_MS - trustedForMs, expiresInMs + 1) };
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
  /** Of the bundle that is waiting, for the log. */
  #waiting = '';
  #cancel: () => void = () => undefined;

  /** Follows what is offered for as long as it lives. */
  constructor(parts: ServingParts) {
    super();
    this.#parts = parts;
    parts.offered.onChange(() => this.#choose());
    parts.trust.onChange(() => this.#choose());
  }

  #choose(): void {
    const { clock, offered, trust } = this.#parts;
    const newest = offered.observe();
    if (!newest || newest === this.observe()) return;
    this.#cancel();
    const servedForMs = (bundle: Bundle) => trust.servedForMs(bundle);
    const choice = chooseBundle({
      serving: this.observe(),
      offered: newest,
      nowMs: clock.nowMs(),
      servedForMs,
    });
    if (choice.waitsMs !== undefined) {
      this.#logWaiting(newest);
      this.#cancel = clock.after(choice.waitsMs, () => this.#choose());
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
