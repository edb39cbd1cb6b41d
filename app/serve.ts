/** Runs one replica: starts its parts in order, and stops them in reverse. Makes no decision. */
import { lookup } from 'node:dns/promises';
import { keepCaBundle } from '../certs/cabundle.ts';
import type { World } from '../peers/world.ts';
import { preflightWebhook } from '../reconciler/apply/preflight.ts';
import { createHttpServer } from '../runtime/http.ts';
import { listenOn } from '../runtime/listen.ts';
import { createWebhookServer, type WebhookServer } from '../webhook/http/server.ts';
import { logClusterDomain } from './cluster-domain.ts';
import type { Settings } from './settings.ts';
import { coreClientOf, createParts, type Parts } from './wiring.ts';
import { type Certificates, createCertificates } from './wiring-certs.ts';
import { createReconciler } from './wiring-core.ts';
import { serveStatusPage } from './wiring-page.ts';

/** A replica is not ready if its certificate expires sooner than this. */
const CERT_MARGIN_MS = 5 * 60_000;
const CERT_MARGIN_PART = 0.05;

export interface Replica {
  /** Stops the replica: takes no more traffic, finishes the reviews in flight, and gives the Lease back. */
  close(): Promise<void>;
}

/** The webhook. It exists from the first certificate on. */
interface Serving {
  webhook?: WebhookServer;
  listening: boolean;
  /** True once the API server has been told to trust our CA. Before that, its calls would fail. */
  trusted: boolean;
}

interface ServeOptions {
  /** Called if a part fails later. The process must then end. */
  readonly onFailure: (error: unknown) => void;
  /** The environment, for KUBECONFIG and the address of the API server. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The cluster's DNS domain from the pod's resolv.conf; undefined if there is none. */
  readonly foundDomain: string | undefined;
}

/** Starts a replica. Resolves once its plain port listens. Rejects if it cannot start at all. */
export async function serve(settings: Settings, options: ServeOptions): Promise<Replica> {
  const { onFailure, env, foundDomain } = options;
  const parts = createParts(settings, env);
  const { clock, log, leader, caches } = parts;
  const draining = new AbortController();
  const stopping = new AbortController();
  const serving: Serving = { listening: false, trusted: false };
  const certificates = createCertificates(parts, stopping.signal);
  const http = createPlainPort(parts, serving, {
    draining: draining.signal,
    isCurrent: certificates.isCurrent,
  });
  await listenOn(http, { port: settings.httpPort, host: settings.bindAddress });
  const page = await serveStatusPage(parts);
  let rightDomain: string | undefined;
  void logClusterDomain({ inUse: settings.clusterDomain, found: foundDomain }, { log, lookup }).then(
    (domain) => {
      rightDomain = domain;
    },
  );
  const outside = {
    core: coreClientOf(parts),
    preflight: (world: World) => preflightWebhook(world, settings.namespace),
    rightDomain: () => rightDomain,
  };
  const running = Promise.all([
    caches.run(stopping.signal),
    parts.leaseWatch.run(draining.signal),
    serveWebhook(parts, serving, { ...certificates, signal: stopping.signal }),
    leader.run((term) => createReconciler(parts, outside).run(term), draining.signal),
  ]);
  running.catch(onFailure);
  log.info({ replica: settings.podName, namespace: settings.namespace }, 'replica started');
  return {
    close: async () => {
      draining.abort();
      serving.webhook?.drain();
      // The endpoints of the Service change a while after readiness. Until then reviews still arrive.
      await clock.sleep(settings.drainSeconds * 1000);
      await serving.webhook?.close();
      stopping.abort();
      await running;
      await Promise.all([page.close(), http.close()]);
      log.info({ replica: settings.podName }, 'replica stopped');
    },
  };
}

function createPlainPort(
  parts: Parts,
  serving: Serving,
  { draining, isCurrent }: { readonly draining: AbortSignal; readonly isCurrent: () => boolean },
) {
  const { caches, clock, leader, metrics, served } = parts;
  const http = createHttpServer({
    clock,
    metrics,
    ready: {
      'caches are not in sync': () => caches.synced(),
      'there is no certificate, or it expires within minutes': () => isLasting(parts),
      'the certificate may be an old one': isCurrent,
      'the webhook does not listen': () => serving.listening,
      'caBundle does not name our CA': () => isTrusted(parts, serving),
      'shutting down': () => !draining.aborted,
    },
  });
  http.addHook('onRequest', async () => {
    metrics.set('stellar_peers_leader', leader.leads() ? 1 : 0);
    metrics.set('stellar_peers_cache_staleness_seconds', caches.staleMs() / 1000);
    const notAfterMs = served.observe()?.notAfterMs ?? 0;
    metrics.set('stellar_peers_certificate_expiry_timestamp_seconds', notAfterMs / 1000);
  });
  return http;
}

/** True if the certificate lasts long enough. For certificates with a short lifetime, less is enough. */
function isLasting({ clock, served }: Parts): boolean {
  const { notBeforeMs = 0, notAfterMs = 0 } = served.observe() ?? {};
  const marginMs = Math.min(CERT_MARGIN_MS, (notAfterMs - notBeforeMs) * CERT_MARGIN_PART);
  return notAfterMs - clock.nowMs() > marginMs;
}

/** True once callers trust us. It then stays true: an emptied caBundle is repaired, and a rotation has its own rules. */
function isTrusted({ served, trust }: Parts, serving: Serving): boolean {
  const bundle = served.observe();
  serving.trusted ||= bundle !== undefined && trust.acceptedForMs(bundle) > 0;
  return serving.trusted;
}

/** Uses each new certificate: the first one starts the webhook, and each later one replaces the one before. */
async function serveWebhook(
  parts: Parts,
  serving: Serving,
  { rule, source, signal }: Pick<Certificates, 'rule' | 'source'> & { readonly signal: AbortSignal },
): Promise<void> {
  const { bundle, clock, configuration, kube, log, outage, served } = parts;
  const started = Promise.withResolvers<void>();
  served.onChange(() => {
    started.resolve();
    useCertificate(parts, serving);
  });
  signal.addEventListener('abort', () => started.resolve(), { once: true });
  await Promise.all([
    source.run(bundle, signal),
    started.promise.then(() => listen(parts, serving)),
    started.promise.then(() =>
      keepCaBundle({ kube, clock, log, outage, rule, configuration, bundle }, signal),
    ),
  ]);
}

function useCertificate(parts: Parts, serving: Serving): void {
  const { clock, memberships, log, metrics, served, settings } = parts;
  const certificate = served.observe();
  if (!certificate) return;
  if (serving.webhook) {
    serving.webhook.swapCertificate(certificate);
    log.info({ serial: certificate.serial }, 'certificate swapped in');
    return;
  }
  // Create these series at the start, so that the first such result shows as an increase.
  for (const result of ['failed', 'rejected'])
    metrics.count('stellar_peers_admission_reviews_total', { result }, 0);
  serving.webhook = createWebhookServer({
    certificate,
    memberships,
    clock,
    log,
    ownNamespace: settings.namespace,
    merging: { mode: settings.peerConfig, listKey: settings.peerListKey, reload: settings.peerReload },
    observe: (result, durationMs) => {
      metrics.count('stellar_peers_admission_reviews_total', { result });
      metrics.observe('stellar_peers_admission_duration_seconds', durationMs / 1000);
    },
  });
}

async function listen({ log, settings }: Parts, serving: Serving): Promise<void> {
  if (!serving.webhook) return;
  await listenOn(serving.webhook.app, { port: settings.webhookPort, host: settings.bindAddress });
  serving.listening = true;
  log.info({ port: settings.webhookPort }, 'webhook listens');
}
