/** Makes the parts of one replica from its settings. Owns which setting goes to which part. No part runs yet. */
import { ServedBundle } from '../certs/serving.ts';
import { type Bundle, Latest, type Observed } from '../certs/source.ts';
import { Trust } from '../certs/trust.ts';
import { COMPONENT } from '../peers/names.ts';
import type { WebhookFacts } from '../peers/world.ts';
import { newIdentity } from '../reconciler/leader/lease.ts';
import { systemClock } from '../runtime/clock.ts';
import { type CoreClient, createCoreClient } from '../runtime/core-client.ts';
import { createKube } from '../runtime/kube/client.ts';
import { loadKubeConfig } from '../runtime/kube/kubeconfig.ts';
import { ServerTime } from '../runtime/kube/server-time.ts';
import { createLog } from '../runtime/log.ts';
import { Metrics } from '../runtime/metrics.ts';
import { Notifier } from '../runtime/notifier.ts';
import type { Settings } from './settings.ts';
import { type Core, createCore } from './wiring-core.ts';

/** The time limit of one call to a validator. The answer to `peers` has about 100 bytes for each of 72 connections. */
const CORE_TIMEOUT_MS = 3_000;
const CORE_BYTES_MAX = 512 * 1024;

export interface Parts extends Core {
  /** The newest certificate; it is served now, or will be soon. */
  readonly bundle: Latest<Bundle>;
  readonly served: ServedBundle;
  readonly trust: Trust;
  readonly configuration: Observed<WebhookFacts>;
}

/** All parts of a replica; none of them runs yet. Throws if no cluster is configured. */
export function createParts(settings: Settings, env: NodeJS.ProcessEnv): Parts {
  const log = createLog(settings.logLevel);
  const serverTime = new ServerTime(systemClock);
  const { clock, onCorrection: onClockCorrection } = serverTime;
  const outage = new Notifier();
  const kube = createKube(loadKubeConfig({ env, nowMs: () => clock.nowMs() }), {
    clock,
    timeoutMs: settings.requestTimeoutSeconds * 1000,
    userAgent: COMPONENT,
    onDate: (dateMs, tookMs) => serverTime.note(dateMs, tookMs),
    outage,
  });
  const edges = { settings, clock, onClockCorrection, log, metrics: new Metrics(), kube, outage };
  const core = createCore(edges, newIdentity(settings.podName));
  const { caches } = core;
  const bundle = new Latest<Bundle>();
  const configuration = { observe: () => caches.world.webhook, onChange: caches.onWebhookChange };
  const trust = new Trust({ clock, configuration, isKnown: () => caches.synced() });
  const served = new ServedBundle({ clock, log, offered: bundle, trust });
  return { ...core, bundle, configuration, trust, served };
}

/** The client that calls validators; undefined if the setting forbids such calls. */
export const coreClientOf = ({ settings, clock }: Core): CoreClient | undefined =>
  settings.corePort === 0
    ? undefined
    : createCoreClient({
        clock,
        port: settings.corePort,
        timeoutMs: CORE_TIMEOUT_MS,
        bytesMax: CORE_BYTES_MAX,
      });
