/** The CAs that the API server trusts, those in caBundle of every webhook of ours, and since when. */
import type { X509Certificate } from 'node:crypto';
import { greatestOf } from '../peers/lists.ts';
import type { WebhookFacts } from '../peers/world.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Subscribe } from '../runtime/notifier.ts';
import { chainTo } from './chain.ts';
import { authoritiesIn, certificatesIn } from './check.ts';
import type { Bundle, Observed } from './source.ts';

interface TrustParts {
  readonly clock: Clock;
  readonly configuration: Observed<WebhookFacts>;
  /** False until the watch has made its first list. Before, a configuration that seems to be missing may exist. */
  readonly isKnown: () => boolean;
}

interface Trusted {
  readonly cert: X509Certificate;
  readonly sinceMs: number;
}

export class Trust {
  readonly #parts: TrustParts;
  readonly onChange: Subscribe;
  /** The CAs that every caBundle holds, by SHA-256 of the certificate. */
  #trusted = new Map<string, Trusted>();
  #seen: WebhookFacts | undefined;

  /** Follows the changes of the configuration for the whole life of the process. */
  constructor(parts: TrustParts) {
    this.#parts = parts;
    this.onChange = parts.configuration.onChange;
    parts.configuration.onChange(() => this.#look());
    this.#look();
  }

  /**
   * For how long every webhook's caBundle has accepted the certificate of `bundle`, in ms; 0 if one does not accept it now.
   * An expired CA accepts no certificate. Infinity where there is no webhook, because then nothing calls us.
   */
  acceptedForMs({ certPem }: Bundle): number {
    const given = certificatesIn(certPem);
    const nowMs = this.#parts.clock.nowMs();
    const isUnexpired = (cert: X509Certificate) => cert.validToDate.getTime() > nowMs;
    return given.length > 0 ? this.#longest((cert) => chainTo(given, [cert], isUnexpired) !== undefined) : 0;
  }

  /** For how long every caBundle has held the first CA of `caPem`, in ms. The CA need not have signed anything yet. */
  caTrustedForMs(caPem: string): number {
    const [authority] = certificatesIn(caPem);
    return authority ? this.#longest((cert) => cert.fingerprint256 === authority.fingerprint256) : 0;
  }

  /** The longest time for which a CA that fits has been trusted, in ms; 0 if none fits, Infinity if nothing calls us. */
  #longest(fits: (cert: X509Certificate) => boolean): number {
    const { clock, configuration, isKnown } = this.#parts;
    this.#look();
    const webhooks = configuration.observe()?.entries.length ?? 0;
    if (webhooks === 0) return isKnown() ? Number.POSITIVE_INFINITY : 0;
    const fitting = [...this.#trusted.values()].filter(({ cert }) => fits(cert));
    return greatestOf(
      fitting.map(({ sinceMs }) => clock.monotonicMs() - sinceMs),
      0,
    );
  }

  #look(): void {
    const facts = this.#parts.configuration.observe();
    if (facts === this.#seen) return;
    this.#seen = facts;
    const nowMs = this.#parts.clock.monotonicMs();
    const common = commonTo((facts?.entries ?? []).map(({ caBundle }) => caBundle));
    this.#trusted = new Map(
      [...common].map(([id, cert]) => [id, { cert, sinceMs: this.#trusted.get(id)?.sinceMs ?? nowMs }]),
    );
  }
}

function commonTo(caBundles: readonly string[]): Map<string, X509Certificate> {
  const [first, ...rest] = caBundles.map(authoritiesOf);
  const common = [...(first ?? [])].filter(([id]) => rest.every((other) => other.has(id)));
  return new Map(common);
}

const authoritiesOf = (caBundle: string): Map<string, X509Certificate> =>
  new Map(authoritiesIn(caBundle).map((cert) => [cert.fingerprint256, cert]));
