/**
 * What every command that asks a cluster begins with: the cluster of the user's kubeconfig, and the settings in force
 * there.
 */

import type { Settings } from '../app/settings.ts';
import { SETTINGS } from '../app/settings-table.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Trials } from '../runtime/kube/client.ts';
import type { Kube } from '../runtime/kube/port.ts';
import { ServerTime } from '../runtime/kube/server-time.ts';
import type { Call } from './command.ts';
import { settingsInForce } from './deployed.ts';
import { durationMs } from './duration.ts';
import { UsageError } from './exit.ts';

const TIMEOUT = '15s';

export interface Session {
  readonly kube: Kube;
  readonly settings: Settings;
  /** The namespace of the kubeconfig's context, for calls that name none. */
  readonly contextNamespace: string;
  /** Context and server, as a sentence names them. */
  readonly where: string;
  /** Ms since the epoch by the API server's clock. */
  nowMs(): number;
}

/**
 * Opens the cluster that the flags name, and says on standard error where the settings are not those of the
 * Deployment. `overrides` are settings that stand above those in force. Rejects as loadKubeConfig and settingsInForce.
 */
export async function openSession(
  { flags, env, terminal }: Pick<Call, 'flags' | 'env' | 'terminal'>,
  overrides: Readonly<Record<string, string>> = {},
): Promise<Session> {
  const { kube, contextNamespace, where, nowMs } = await openCluster({ flags, env, terminal });
  const namespace = installNamespaceOf({ flags, env });
  const { settings, notes } = await settingsInForce(kube, { namespace, env, overrides });
  for (const note of notes) terminal.say(note);
  return { kube, settings, contextNamespace, where, nowMs };
}

/** The cluster alone, for what needs no settings. Rejects with KubeConfigError. */
export async function openCluster({
  flags,
  env,
  terminal,
}: Pick<Call, 'flags' | 'env' | 'terminal'>): Promise<Omit<Session, 'settings'> & { trials: Trials }> {
  const { 'request-timeout': timeout = TIMEOUT } = flags;
  const timeoutMs = durationMs(timeout);
  if (timeoutMs === undefined)
    throw new UsageError(`--request-timeout takes a time such as 5s or 1m, not ${timeout}`);
  // Loaded here: the client is most of the program, and what asks no cluster goes without.
  const { createKube, createTrials } = await import('../runtime/kube/client.ts');
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
    trials: createTrials(config, options),
    contextNamespace,
    where,
    nowMs: () => serverTime.clock.nowMs(),
  };
}

/** The namespace that stellar-peers itself is installed in. */
export const installNamespaceOf = ({ flags, env }: Pick<Call, 'flags' | 'env'>): string =>
  flags['install-namespace'] ?? (env.POD_NAMESPACE || SETTINGS.namespace.fallback);
