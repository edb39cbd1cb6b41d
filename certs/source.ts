/**
 * The seam to where certificates come from: a source sets each new bundle, whatever uses bundles is told.
 * Owns no certificate logic; managed.ts is one source, what serves TLS and keeps caBundle are its users.
 */
import { Notifier, type Subscribe } from '../runtime/notifier.ts';

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A certificate and its private key, both as PEM. */
export interface Issued {
  readonly certPem: string;
  readonly keyPem: string;
}

/**
 * A serving certificate with its key, and the CAs that its callers shall trust. The times are those in which the
 * certificate and all CAs of its chain are valid.
 */
export interface Bundle extends Issued, Validity {
  /** Trusted CAs as PEM, the signing one first; during a rotation the former one follows it. */
  readonly caPem: string;
  readonly serial: string;
  /** SHA-256 over its certificates and CAs: the same for every replica that holds the same bundle. */
  readonly fingerprint: string;
}

export interface CertSource {
  /**
   * Sets `bundle` to each good bundle that differs from what it holds, until `signal` aborts. Trouble is logged and tried
   * again. Rejects only with what a listener of `bundle` throws.
   */
  run(bundle: Latest<Bundle>, signal: AbortSignal): Promise<void>;
}

/** Something that is known as it was last seen, and tells when it may have changed. */
export interface Observed<T> {
  observe(): T | undefined;
  readonly onChange: Subscribe;
}

/** The value that was set last; listeners are told of each change. */
export class Latest<T> extends Notifier implements Observed<T> {
  #value: T | undefined;

  observe(): T | undefined {
    return this.#value;
  }

  set(value: T | undefined): void {
    this.#value = value;
    this.notify();
  }
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
