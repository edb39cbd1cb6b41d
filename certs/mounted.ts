/**
 * The mounted source: certificate, key and CA as files. cert-manager issues them, and the kubelet mounts them. Owns when
 * the files are read. If a set of files cannot be used, that is logged once, and the last good set stays in use.
 */
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { readMounted } from '../runtime/mounted-files.ts';
import { checkBundle, type Fault } from './check.ts';
import { type Round, runLoop } from './loop.ts';
import type { Bundle, CertSource, Latest } from './source.ts';

/** The keys of a Secret of type kubernetes.io/tls, and `ca.crt`, which cert-manager adds to them. */
const FILES = ['ca.crt', 'tls.crt', 'tls.key'] as const;
/** How often the files are read. The kubelet itself updates them about a minute after a renewal. */
const POLL_MS = 10_000;

interface MountedParts {
  /** The folder of the files. It need not exist yet. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Host names and addresses for which the certificate must be valid. */
  readonly hosts: readonly string[];
}

/** The source for the files of one folder. It writes nothing. */
export class MountedSource implements CertSource {
  readonly #parts: MountedParts;
  /** The sentence of the fault that was logged last; '' if the files have been good since. */
  #logged = '';

  constructor(parts: MountedParts) {
    this.#parts = parts;
  }

  async run(bundle: Latest<Bundle>, signal: AbortSignal): Promise<void> {
    const { clock, folder, log } = this.#parts;
    // At debug only, because the round has logged the fault.
    const logFailure = (error: unknown, retryInMs: number) =>
      log.debug({ error, folder, retryInMs }, 'certificate files cannot be read, trying again');
    await runLoop({ clock, round: () => this.#round(bundle), changes: [], logFailure }, signal);
  }

  async #round(bundle: Latest<Bundle>): Promise<Round> {
    const { clock, folder, hosts, log } = this.#parts;
    const last = bundle.observe();
    const read = await this.#read().catch((error: unknown) => {
      const { code = String(error) } = error as NodeJS.ErrnoException;
      this.#logFault({ reason: 'Unreadable', sentence: `${FILES.join(', ')} cannot be read: ${code}` }, last);
      throw error;
    });
    const [caPem = '', certPem = '', keyPem = ''] = read;
    const checked = checkBundle({ caPem, certPem, keyPem }, { hosts, nowMs: clock.nowMs() });
    if (!checked.ok) {
      this.#logFault(checked.fault, last);
      return { lookInMs: POLL_MS, sentNothing: true };
    }
    this.#logged = '';
    const { serial, fingerprint, notAfterMs } = checked.value;
    if (fingerprint === last?.fingerprint) return { lookInMs: POLL_MS, sentNothing: true };
    const notAfter = new Date(notAfterMs).toISOString();
    log.info({ serial, fingerprint, notAfter, folder }, 'certificate read from its files');
    return { lookInMs: 0, sentNothing: true, afterRound: () => bundle.set(checked.value) };
  }

  /** Reads the files. A missing ca.crt counts as empty, because some issuers give no CA. */
  async #read(): Promise<string[]> {
    const { folder } = this.#parts;
    const [caFile, ...leafFiles] = FILES;
    return readMounted(folder, FILES).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' || !error.path?.endsWith(caFile)) throw error;
      return ['', ...(await readMounted(folder, leafFiles))];
    });
  }

  #logFault({ reason, sentence }: Fault, last: Bundle | undefined): void {
    const { folder, log } = this.#parts;
    if (this.#logged === sentence) return;
    this.#logged = sentence;
    const instead = last ? 'the last good one stays in use' : 'there is none to serve yet';
    log.warn(
      { folder, reason, why: sentence, serial: last?.serial },
      `the mounted certificate cannot be used; ${instead}`,
    );
  }
}
