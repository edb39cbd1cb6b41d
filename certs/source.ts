/**
 * The interface of a source of certificates, which sets each new bundle and tells what uses the bundle. managed.ts and
 * mounted.ts are sources; serving.ts and cabundle.ts use one.
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

/** A value as it was last seen, and a way to learn that it may have changed. */
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

/** The API servers that call our webhook: whom they trust, as far as this replica can see. */
export interface Callers {
  /** For how long all callers have trusted the first CA of `caPem`, in ms; 0 if one does not trust it now. */
  authorityForMs(caPem: string): number;
  /** Calls the webhook as the live configuration says. Resolves to why the call failed, or to undefined. Never rejects. */
  probe(): Promise<string | undefined>;
  /** Called when the trusted CAs may have changed. */
  readonly onChange: Subscribe;
}
