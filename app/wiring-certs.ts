/**
 * Makes the parts of a replica that have to do with certificates: the source that the settings name, and what goes into
 * caBundle with it.
 */
import { atLeastOurs, type CaRule, exactlyTheSecrets } from '../certs/cabundle-rules.ts';
import { ManagedSource } from '../certs/managed.ts';
import { MountedSource } from '../certs/mounted.ts';
import type { Callers, CertSource } from '../certs/source.ts';
import { CERT_SECRET, WEBHOOK_SERVICE } from '../peers/names.ts';
import { describeReason } from '../peers/reasons/reasons.ts';
import { preflightWebhook } from '../reconciler/apply/preflight.ts';
import { Secrets } from '../runtime/kube/resources.ts';
import { watchOne } from '../runtime/kube/watch-one.ts';
import { listed, type Settings } from './settings.ts';
import type { Parts } from './wiring.ts';

const HOUR_MS = 3_600_000;
/** The watch tells of changes of the Secret; this is the net below it, well within the time that a CA retires in. */
const SECRET_POLL_MS = 6 * HOUR_MS;
const SECRET_POLL_MS_MIN = 5_000;
const POLLS_PER_RETIREMENT = 4;

export interface Certificates {
  readonly source: CertSource;
  readonly rule: CaRule;
  /** True while what is served may be relied on to be what the others serve, or a former one that is still trusted. */
  readonly isCurrent: () => boolean;
}

/** Where certificates come from. What it watches is watched until `signal` aborts. */
export const createCertificates = (parts: Parts, signal: AbortSignal): Certificates =>
  parts.settings.certDir === '' ? managed(parts, signal) : mounted(parts);

function mounted({ settings, clock, log, served }: Parts): Certificates {
  // The Service's short name is what the API server calls; only people use the longer one.
  const hosts = [serviceHost(settings), ...listed(settings.webhookHosts)];
  return {
    source: new MountedSource({ folder: settings.certDir, clock, log, hosts }),
    rule: atLeastOurs(served),
    isCurrent: () => true,
  };
}

function managed(parts: Parts, signal: AbortSignal): Certificates {
  const { settings, kube, clock, log } = parts;
  const { namespace } = settings;
  // Nothing of the Secret is kept but its version.
  const { reflector, onChange } = watchOne(parts, Secrets, {
    namespace,
    name: CERT_SECRET,
    project: (object) => object.metadata.resourceVersion,
  });
  // Runs beside everything else and ends with the signal; a reflector never rejects.
  void reflector.run(signal);
  const retireMs = settings.caRetireSeconds * 1000;
  const source = new ManagedSource(
    {
      kube,
      clock,
      log,
      onSecretChange: onChange,
      outage: parts.outage,
      callers: callersOf(parts),
    },
    {
      namespace,
      hosts: [
        serviceHost(settings),
        `${serviceHost(settings)}.${settings.clusterDomain}`,
        ...listed(settings.webhookHosts),
      ],
      pollMs: Math.max(SECRET_POLL_MS_MIN, Math.min(SECRET_POLL_MS, retireMs / POLLS_PER_RETIREMENT)),
      caLifetimeMs: settings.caLifetimeSeconds * 1000,
      leafLifetimeMs: settings.certLifetimeSeconds * 1000,
      overlapMs: settings.caOverlapSeconds * 1000,
      retireMs,
    },
  );
  return {
    source,
    rule: exactlyTheSecrets({ kube, clock, namespace }),
    // A replica that has not seen the Secret for so long may serve a certificate whose CA the others retire.
    isCurrent: () => reflector.staleMs() <= retireMs / 2,
  };
}

const serviceHost = ({ namespace }: Settings): string => `${WEBHOOK_SERVICE}.${namespace}.svc`;

function callersOf({ caches, settings, trust }: Parts): Callers {
  return {
    authorityForMs: (caPem) => trust.authorityForMs(caPem),
    onChange: trust.onChange,
    probe: async () => {
      // Without a configuration there are no calls.
      if (!caches.world.webhook) return undefined;
      const problem = await preflightWebhook(caches.world, settings.namespace);
      return problem && describeReason(problem);
    },
  };
}
