/**
 * What every command that asks a cluster begins with: the cluster of the user's kubeconfig, and the settings in force
 * there.
 */
import { systemClock } from '../runtime/clock.ts';
import type { Kube } from '../runtime/kube.ts';
import { createKube, createTrials, loadKubeConfig, type Trials } from '../runtime/kube-client.ts';
import { ServerTime } from '../runtime/server-time.ts';
import type { Settings } from '../settings.ts';
import { SETTINGS } from '../settings-table.ts';
import type { Call } from './command.ts';
import { settingsInForce } from './deployed.ts';

const TIMEOUT_MS = 15_000;

export interface Session {
  readonly kube: Kube;
  readonly settings: Settings;
  /** The namespace of the kubeconfig's context, for whoever names none. */
  readonly contextNamespace: string;
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
  const { kube, contextNamespace, nowMs } = openCluster({ flags, env });
  const namespace = installNamespaceOf({ flags, env });
  const { settings, remarks } = await settingsInForce(kube, { namespace, env, overrides });
  for (const remark of remarks) terminal.say(remark);
  return { kube, settings, contextNamespace, nowMs };
}

/** The cluster alone, for what needs no settings. Throws KubeConfigError. */
export function openCluster({
  flags,
  env,
}: Pick<Call, 'flags' | 'env'>): Omit<Session, 'settings'> & { trials: Trials } {
  const { kubeconfig, context } = flags;
  const config = loadKubeConfig({
    ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
    ...(context === undefined ? {} : { context }),
    described: env.KUBECONFIG,
  });
  const serverTime = new ServerTime(systemClock);
  const options = {
    timeoutMs: TIMEOUT_MS,
    userAgent: 'stellar-peers-cli',
    onDate: (dateMs: number) => serverTime.note(dateMs),
  };
  const contextNamespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  return {
    kube: createKube(config, options),
    trials: createTrials(config, options),
    contextNamespace,
    nowMs: () => serverTime.clock.nowMs(),
  };
}

/** The namespace that stellar-peers itself is installed in. */
export const installNamespaceOf = ({ flags, env }: Pick<Call, 'flags' | 'env'>): string =>
  flags['install-namespace'] ?? (env.POD_NAMESPACE || SETTINGS.namespace.fallback);
