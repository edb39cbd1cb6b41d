/** The interface between sources of certificates (managed.ts, mounted.ts) and their users. */
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

/** A serving certificate with its key, and the CAs to trust. The dates are those of its whole chain. */
export interface Bundle extends Issued, Validity {
  /** Trusted CAs as PEM. The signing CA is the first; during a rotation, the former CA follows. */
  readonly caPem: string;
  readonly serial: string;
  /** SHA-256 over the certificates and CAs, so that replicas with the same bundle have the same fingerprint. */
  readonly fingerprint: string;
}

export interface CertSource {
  /** Puts each new good bundle into `bundle`, until `signal` aborts. Rejects only with an error of a listener. */
  run(bundle: Latest<Bundle>, signal: AbortSignal): Promise<void>;
}

/** A value as it was last seen, and a subscription to its changes. */
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

/** The API servers that call our webhook, and which CAs they trust, as far as this replica can see. */
export interface Callers {
  /** For how long all callers have trusted the first CA of `caPem`, in ms; 0 if one does not trust it now. */
  caTrustedForMs(caPem: string): number;
  /** Sends a test review by the live webhook configuration. Resolves to why it failed, or to undefined. Never rejects. */
  probe(): Promise<string | undefined>;
  /** Calls a listener when the trusted CAs may have changed. */
  readonly onChange: Subscribe;
}
