/** Makes the certificate parts of a replica: the source, managed or mounted, and its rule for caBundle. */
import { type CaRule, managedCaRule, mountedCaRule } from '../certs/cabundle-rules.ts';
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
/** How often to read the Secret although the watch reports no change, in case the watch misses one. */
const SECRET_POLL_MS_MAX = 6 * HOUR_MS;
const SECRET_POLL_MS_MIN = 5_000;
/** How often at least the Secret is read while a former CA is still trusted. */
const POLLS_PER_RETIREMENT = 4;

export interface Certificates {
  readonly source: CertSource;
  readonly rule: CaRule;
  /** False if this replica has not seen the Secret for so long that callers may soon cease to trust its certificate. */
  readonly isCurrent: () => boolean;
}

/** The source and the rule that the settings ask for. A managed source also starts a watch, which ends with `signal`. */
export const createCertificates = (parts: Parts, signal: AbortSignal): Certificates =>
  parts.settings.certDir === '' ? managed(parts, signal) : mounted(parts);

function mounted({ settings, clock, log, served }: Parts): Certificates {
  // The API server calls the Service by its short name. Only people use the name with the cluster's domain.
  const hosts = [serviceHost(settings), ...listed(settings.webhookHosts)];
  return {
    source: new MountedSource({ folder: settings.certDir, clock, log, hosts }),
    rule: mountedCaRule(served),
    isCurrent: () => true,
  };
}

function managed(parts: Parts, signal: AbortSignal): Certificates {
  const { settings, kube, clock, log } = parts;
  const { namespace } = settings;
  // The watch only has to show that the Secret changed, so it keeps the version and no key.
  const { reflector, onChange } = watchOne(parts, Secrets, {
    namespace,
    name: CERT_SECRET,
    project: (object) => object.metadata.resourceVersion,
  });
  // Not awaited: a reflector never rejects, and ends with the signal.
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
      pollMs: Math.max(SECRET_POLL_MS_MIN, Math.min(SECRET_POLL_MS_MAX, retireMs / POLLS_PER_RETIREMENT)),
      caLifetimeMs: settings.caLifetimeSeconds * 1000,
      leafLifetimeMs: settings.certLifetimeSeconds * 1000,
      overlapMs: settings.caOverlapSeconds * 1000,
      retireMs,
    },
  );
  return {
    source,
    rule: managedCaRule({ kube, clock, namespace }),
    // Meanwhile another replica may replace the CA, and remove the CA of this replica's certificate after `retireMs`.
    isCurrent: () => reflector.staleMs() <= retireMs / 2,
  };
}

const serviceHost = ({ namespace }: Settings): string => `${WEBHOOK_SERVICE}.${namespace}.svc`;

function callersOf({ caches, settings, trust }: Parts): Callers {
  return {
    caTrustedForMs: (caPem) => trust.caTrustedForMs(caPem),
    onChange: trust.onChange,
    probe: async () => {
      // Without a webhook configuration the API server calls nothing, so no call can fail.
      if (!caches.world.webhook) return undefined;
      const problem = await preflightWebhook(caches.world, settings.namespace);
      return problem && describeReason(problem);
    },
  };
}
