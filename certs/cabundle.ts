/**
 * Keeps caBundle of our webhook configuration right. Every replica does so, after changes and without polling. Owns the
 * writing of this one field of each webhook entry. A rule of cabundle-rules.ts says what belongs into the field.
 */
import { WEBHOOK_CONFIGURATION } from '../peers/names.ts';
import { readWebhook } from '../peers/read/cluster.ts';
import type { WebhookFacts } from '../peers/world.ts';
import type { Clock } from '../runtime/clock.ts';
import { hasStatus, isConflict, type Kube, type PatchOperation } from '../runtime/kube/port.ts';
import { MutatingWebhookConfigurations, type ObjectRef } from '../runtime/kube/resources.ts';
import type { Log } from '../runtime/log.ts';
import type { Notifier } from '../runtime/notifier.ts';
import type { CaRule, CaUpdate } from './cabundle-rules.ts';
import { type Round, runLoop } from './loop.ts';
import type { Bundle, Observed } from './source.ts';

/** How often to check without a change. The check compares what is in memory, and sends no request. */
const RESYNC_MS = 600_000;
/**
 * The wait after our write. Another writer that read caBundle before our write has time to read it again. The wait doubles
 * with each further write of ours within a minute.
 */
const WRITTEN_MS_MIN = 50;
/** The longest such wait. A warning is logged when it is reached: another writer keeps undoing our writes. */
const QUARREL_MS = 5_000;

interface CaBundleParts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly rule: CaRule;
  readonly configuration: Observed<WebhookFacts>;
  /** Notified when the API server answers any request of this process. */
  readonly outage: Notifier;
  /** The newest bundle of the source; it is served now, or will be soon. */
  readonly bundle: Observed<Bundle>;
}

const CONFIGURATION: ObjectRef = { resource: MutatingWebhookConfigurations, name: WEBHOOK_CONFIGURATION };

/**
 * The operations that put the wanted CAs into each webhook entry. They require the version that was read. Empty if all
 * entries have these CAs.
 */
export function caBundlePatch({ version, entries }: WebhookFacts, wanted: CaUpdate): PatchOperation[] {
  const operations = entries.flatMap(({ caBundle }, index): PatchOperation[] => {
    const value = Buffer.from(wanted(Buffer.from(caBundle, 'base64').toString('utf8'))).toString('base64');
    return value === caBundle ? [] : [{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value }];
  });
  if (operations.length === 0) return [];
  return [{ op: 'test', path: '/metadata/resourceVersion', value: version }, ...operations];
}

/** Fills and repairs caBundle until `signal` aborts. Failures are logged and tried again, never thrown. */
export async function keepCaBundle(parts: CaBundleParts, signal: AbortSignal): Promise<void> {
  const keeper = new Keeper(parts);
  await runLoop(
    {
      clock: parts.clock,
      outage: parts.outage,
      round: () => keeper.round(),
      changes: [parts.configuration.onChange, parts.bundle.onChange],
      logFailure: (error, retryInMs) =>
        parts.log.warn(
          { configuration: WEBHOOK_CONFIGURATION, error, retryInMs },
          'caBundle cannot be written, trying again',
        ),
    },
    signal,
  );
}

class Keeper {
  readonly #parts: CaBundleParts;
  #missing = false;
  /** Conflicts in a row. One conflict is a race; several may be a refusal, which has the same status. */
  #conflicts = 0;
  /** The times of our writes in the last minute, monotonic. */
  #writtenAtMs: readonly number[] = [];
  /** The configuration as read after a conflict, since the watch may be behind. */
  #readAgain: WebhookFacts | undefined;

  constructor(parts: CaBundleParts) {
    this.#parts = parts;
  }

  async round(): Promise<Round> {
    const { rule } = this.#parts;
    const bundle = this.#parts.bundle.observe();
    const configuration = await this.#find();
    if (!bundle || !configuration) return { lookInMs: RESYNC_MS, sentNothing: true };
    const probable = caBundlePatch(configuration, rule.fromMemory(bundle));
    if (probable.length === 0) return { lookInMs: RESYNC_MS, sentNothing: true };
    const operations = caBundlePatch(configuration, await rule.fromCluster(bundle));
    if (operations.length === 0) return { lookInMs: RESYNC_MS };
    return this.#write(operations);
  }

  async #find(): Promise<WebhookFacts | undefined> {
    const { log, configuration } = this.#parts;
    let found = this.#readAgain ?? configuration.observe();
    this.#readAgain = undefined;
    // Before the watch has begun, the object seems to be missing. So the API server is asked once before the warning.
    if (!found && !this.#missing) found = await this.#read();
    if (!found && !this.#missing) {
      log.warn(
        { configuration: WEBHOOK_CONFIGURATION },
        'MutatingWebhookConfiguration is missing: no pod is injected until the manifests are applied',
      );
    }
    this.#missing = !found;
    return found;
  }

  async #read(): Promise<WebhookFacts | undefined> {
    const found = await this.#parts.kube.get(CONFIGURATION);
    return found && readWebhook(found);
  }

  async #write(operations: readonly PatchOperation[]): Promise<Round> {
    const { kube, log } = this.#parts;
    const fields = { configuration: WEBHOOK_CONFIGURATION, webhooks: operations.length - 1 };
    try {
      await kube.patch(CONFIGURATION, operations);
    } catch (error) {
      // A failed `test` is answered with 422.
      if (!isConflict(error) && !hasStatus(error, 422)) throw error;
      const level = this.#conflicts++ === 0 ? 'debug' : 'warn';
      log[level]({ ...fields, error }, 'webhook configuration changed meanwhile, reading it again');
      this.#readAgain = await this.#read();
      return { again: true };
    }
    this.#conflicts = 0;
    log.info(fields, 'caBundle written');
    const writesInAMinute = this.#countWrites();
    const cooldownMs = Math.min(WRITTEN_MS_MIN * 2 ** (writesInAMinute - 1), QUARREL_MS);
    if (cooldownMs === QUARREL_MS) {
      log.warn(
        { configuration: WEBHOOK_CONFIGURATION, writesInAMinute },
        'something else keeps writing caBundle: find out what, and exclude that field',
      );
    }
    return { lookInMs: RESYNC_MS, cooldownMs };
  }

  #countWrites(): number {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#writtenAtMs = [...this.#writtenAtMs.filter((atMs) => nowMs - atMs < 60_000), nowMs];
    return this.#writtenAtMs.length;
  }
}
