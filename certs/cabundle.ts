/**
 * Keeps caBundle of our webhook configuration right: every replica, by change, not by polling.
 * Owns that one field of each webhook entry; cert-manager's cainjector does this for mounted certificates.
 */
import { WEBHOOK_CONFIGURATION } from '../peers/names.ts';
import type { Clock } from '../runtime/clock.ts';
import { hasStatus, isConflict, type Kube, type KubeObject, type PatchOperation } from '../runtime/kube.ts';
import type { Log } from '../runtime/log.ts';
import { MutatingWebhookConfigurations, type ObjectRef } from '../runtime/resources.ts';
import { checkBundle } from './check.ts';
import { type Round, runRounds } from './rounds.ts';
import { contentOf, readSecret } from './secret.ts';
import type { Bundle, Observed } from './source.ts';

/** A look at what is in memory anyway; it costs no request. */
const RESYNC_MS = 600_000;

interface CaBundleParts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  /** Our own namespace, where the Secret is. */
  readonly namespace: string;
  /** The MutatingWebhookConfiguration as a watch last saw it. */
  readonly configuration: Observed<KubeObject>;
  /** The bundle that this replica serves. */
  readonly bundle: Observed<Bundle>;
}

const CONFIGURATION: ObjectRef = { resource: MutatingWebhookConfigurations, name: WEBHOOK_CONFIGURATION };

/**
 * The operations that make every webhook of `configuration` trust exactly `caPem`, none if it does already.
 * They hold for the resourceVersion that was read only.
 */
export function caBundlePatch(configuration: KubeObject, caPem: string): PatchOperation[] {
  const wanted = Buffer.from(caPem).toString('base64');
  const webhooks = (configuration.webhooks ?? []) as Array<{ clientConfig?: { caBundle?: string } }>;
  const operations = webhooks.flatMap(({ clientConfig }, index): PatchOperation[] =>
    clientConfig && clientConfig.caBundle !== wanted
      ? [{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: wanted }]
      : [],
  );
  if (operations.length === 0) return [];
  const { resourceVersion } = configuration.metadata;
  return [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion }, ...operations];
}

/** Fills and repairs caBundle until `signal` aborts; trouble is logged and tried again, never thrown. */
export async function keepCaBundle(parts: CaBundleParts, signal: AbortSignal): Promise<void> {
  const keeper = new Keeper(parts);
  await runRounds<never>(
    {
      clock: parts.clock,
      round: () => keeper.round(),
      onChange: (listener) => {
        const stops = [parts.configuration.onChange(listener), parts.bundle.onChange(listener)];
        return () => {
          for (const stop of stops) stop();
        };
      },
      failed: (error, retryInMs) =>
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
  /** In a row. One is a race; more of them may be a refusal, which has the same status. */
  #conflicts = 0;
  /** Read after a conflict, since the watch may be behind. */
  #readAgain: KubeObject | undefined;

  constructor(parts: CaBundleParts) {
    this.#parts = parts;
  }

  async round(): Promise<Round<never>> {
    const bundle = this.#parts.bundle.observe();
    const configuration = await this.#find();
    if (!bundle || !configuration) return { lookInMs: RESYNC_MS, free: true };
    if (caBundlePatch(configuration, bundle.caPem).length === 0) return { lookInMs: RESYNC_MS, free: true };
    const operations = caBundlePatch(configuration, await this.#trustedCas(bundle));
    if (operations.length === 0) return { lookInMs: RESYNC_MS };
    return this.#write(operations);
  }

  async #find(): Promise<KubeObject | undefined> {
    const { kube, log, configuration } = this.#parts;
    let found = this.#readAgain ?? configuration.observe();
    this.#readAgain = undefined;
    // A watch that has not begun looks like an object that is not there: asked once before it is said.
    if (!found && !this.#missing) found = await kube.get(CONFIGURATION);
    if (!found && !this.#missing) {
      log.warn(
        { configuration: WEBHOOK_CONFIGURATION },
        'MutatingWebhookConfiguration is missing: no pod is injected until the manifests are applied',
      );
    }
    this.#missing = !found;
    return found;
  }

  /**
   * What the Secret says now. A replica that still serves the bundle before a rotation would otherwise take
   * back the CA that another one has just added, and the other add it again.
   */
  async #trustedCas(bundle: Bundle): Promise<string> {
    const { kube, clock, namespace } = this.#parts;
    const secret = await readSecret(kube, namespace);
    if (!secret) return bundle.caPem;
    const checked = checkBundle(contentOf(secret), { hosts: [], nowMs: clock.nowMs() });
    return checked.ok ? checked.value.caPem : bundle.caPem;
  }

  async #write(operations: readonly PatchOperation[]): Promise<Round<never>> {
    const { kube, log } = this.#parts;
    const fields = { configuration: WEBHOOK_CONFIGURATION, webhooks: operations.length - 1 };
    try {
      await kube.patch(CONFIGURATION, operations);
    } catch (error) {
      // A failed `test` is answered with 422.
      if (!isConflict(error) && !hasStatus(error, 422)) throw error;
      const level = this.#conflicts++ === 0 ? 'debug' : 'warn';
      log[level]({ ...fields, error }, 'webhook configuration changed meanwhile, reading it again');
      this.#readAgain = await kube.get(CONFIGURATION);
      return { again: true };
    }
    this.#conflicts = 0;
    log.info(fields, 'caBundle written');
    return { lookInMs: RESYNC_MS };
  }
}
