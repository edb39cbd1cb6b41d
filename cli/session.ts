/**
 * Opens a session for a command that asks a cluster: the cluster of the user's kubeconfig, and the settings in force there.
 */

import type { Settings } from '../app/settings.ts';
import { SETTINGS } from '../app/settings-table.ts';
import { systemClock } from '../runtime/clock.ts';
import type { ServerVersion } from '../runtime/kube/client.ts';
import type { Kube } from '../runtime/kube/port.ts';
import { ServerTime } from '../runtime/kube/server-time.ts';
import type { Call } from './command.ts';
import { settingsInForce } from './deployed.ts';
import { durationMs } from './duration.ts';
import { UsageError } from './exit.ts';

const TIMEOUT = '15s';

export interface Session {
  readonly kube: Kube & ServerVersion;
  readonly settings: Settings;
  readonly contextNamespace: string;
  /** Context and server, as text for a message. */
  readonly where: string;
  /** Ms since the epoch by the API server's clock. */
  nowMs(): number;
}

/**
 * Opens the cluster that the flags name. Says on standard error if the settings are not those of the Deployment.
 * `overrides` take precedence over the settings in force. Rejects as loadKubeConfig and settingsInForce do.
 */
export async function openSession(
  call: Pick<Call, 'flags' | 'env' | 'terminal'>,
  overrides: Readonly<Record<string, string>> = {},
): Promise<Session> {
  const cluster = await openCluster(call);
  const { env, terminal } = call;
  const sources = { namespace: installNamespaceOf(call), env, overrides };
  const { settings, notes } = await settingsInForce(cluster.kube, sources);
  for (const note of notes) terminal.say(note);
  return { ...cluster, settings };
}

/** Opens the cluster without settings. Rejects with KubeConfigError. */
export async function openCluster(call: Pick<Call, 'flags' | 'env' | 'terminal'>) {
  const { flags, env, terminal } = call;
  const { 'request-timeout': timeout = TIMEOUT } = flags;
  const timeoutMs = durationMs(timeout);
  if (timeoutMs === undefined)
    throw new UsageError(`--request-timeout takes a time such as 5s or 1m, not ${timeout}`);
  // Load the client here: it is most of the program, and some commands ask no cluster.
  const { createKube } = await import('../runtime/kube/client.ts');
  const { loadKubeConfig } = await import('../runtime/kube/kubeconfig.ts');
  const { whereOf } = await import('../runtime/kube/kubeconfig-auth.ts');
  const { kubeconfig: path, context, cluster, user, server, as } = flags;
  const nowMs = () => systemClock.nowMs();
  const config = loadKubeConfig({ path, context, cluster, user, server, as, env, nowMs });
  const serverTime = new ServerTime(systemClock);
  const where = whereOf(config);
  let isShown = false;
  const options = {
    clock: systemClock,
    onSlow: () => {
      if (!isShown) terminal.say(`Waiting for the API server (${where}) …`);
      isShown = true;
    },
    timeoutMs,
    userAgent: 'stellar-peers-cli',
    onDate: (dateMs: number, tookMs: number) => serverTime.note(dateMs, tookMs),
  };
  const contextNamespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  return {
    kube: createKube(config, options),
    contextNamespace,
    where,
    nowMs: () => serverTime.clock.nowMs(),
  };
}

/** The namespace in which stellar-peers itself is installed. */
export const installNamespaceOf = ({ flags, env }: Pick<Call, 'flags' | 'env'>): string =>
  flags['install-namespace'] ?? (env.POD_NAMESPACE || SETTINGS.namespace.fallback);
