/**
 * The seam to where certificates come from: one method, the next bundle after the last one.
 * Owns the shapes only; managed.ts is one source, what serves TLS and keeps caBundle are its users.
 */
import type { Subscribe } from '../runtime/notifier.ts';

/** A serving certificate with its key, and the CAs that its callers shall trust. */
export interface Bundle {
  /** Trusted CAs as PEM, the signing one first; during a rotation the former one follows it. */
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** From when until when the certificate and all CAs of its chain are valid. */
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

/** Something that is known as it was last seen, and tells when it may have changed. */
export interface Observed<T> {
  observe(): T | undefined;
  readonly onChange: Subscribe;
}

/** Those who call us, as far as can be seen from here. */
export interface Callers {
  /** For how long the first CA of `caPem` has been trusted by all of them, in ms; 0 if it is not. */
  authorityForMs(caPem: string): number;
  /** Why a call by what the live configuration says would fail now; undefined if it would not. Never rejects. */
  probe(): Promise<string | undefined>;
  /** Of whom they trust. */
  readonly onChange: Subscribe;
}
