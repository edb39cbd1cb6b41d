/**
 * The interface of a source of certificates: one method, which waits for the next bundle. managed.ts and mounted.ts
 * are sources; serving.ts and cabundle.ts use one.
 */
import type { Subscribe } from '../runtime/notifier.ts';

/** A serving certificate with its key, and the CAs that its callers shall trust. */
export interface Bundle {
  /** Trusted CAs as PEM, the signing one first; during a rotation the former one follows it. */
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** The time in which the certificate and all CAs of its chain are valid. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Serial number of the certificate, in hex. */
  readonly serial: string;
  /** SHA-256 over its certificates and CAs: the same for every replica that holds the same bundle. */
  readonly fingerprint: string;
}

export interface CertSource {
  /**
   * Resolves with the first good bundle that differs from `last`; without `last`, as soon as there is one.
   * Trouble on the way is logged and tried again. Rejects only when `signal` aborts.
   */
  next(last: Bundle | undefined, signal: AbortSignal): Promise<Bundle>;
}

/** A value as it was last seen, and a way to learn that it may have changed. */
export interface Observed<T> {
  observe(): T | undefined;
  readonly onChange: Subscribe;
}

/** The API servers that call our webhook: whom they trust, as far as this replica can see. */
export interface Callers {
  /** For how long all callers have trusted the first CA of `caPem`, in ms; 0 if one does not trust it now. */
  authorityForMs(caPem: string): number;
  /** Calls the webhook as the live configuration says. Resolves to why the call failed, or to undefined. Never rejects. */
  probe(): Promise<string | undefined>;
  /** Called when the trusted CAs may have changed. */
  readonly onChange: Subscribe;
}
