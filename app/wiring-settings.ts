/**
 * The settings of the parts that decide, in their units. Apart from wiring.ts, so that a command loads no server.
 */
import type { DiscoverySettings } from '../peers/discovery/discover.ts';
import { readNetworkNamespaces } from '../peers/discovery/namespace-allowlist.ts';
import { parseWindows, type Windows } from '../reconciler/plan/restarts/windows.ts';
import type { Settings } from './settings.ts';

const limitOf = (text: string) => ({ value: Number.parseInt(text, 10), isPercent: text.endsWith('%') });

/** Read once already, where the settings were checked. */
function windowsOf({ rolloutWindows }: Settings): Windows {
  const windows = parseWindows(rolloutWindows);
  if (!windows) throw new Error(`ROLLOUT_WINDOWS cannot be read: ${rolloutWindows}`);
  return windows;
}

/** The settings that discovery takes. */
export function discoverySettings(settings: Settings): DiscoverySettings {
  const { peerScope, clusterDomain, networkNamespaces } = settings;
  const reading = readNetworkNamespaces(networkNamespaces);
  // Read once already, where the settings were checked.
  if ('problem' in reading) throw new Error(`NETWORK_NAMESPACES cannot be read: ${reading.problem}`);
  return { peerScope, clusterDomain, networkNamespaces: reading.allowed };
}

/** The settings that the restart rules take, in their units. */
export const rolloutSettings = (settings: Settings) => ({
  ownNamespace: settings.namespace,
  maxPeers: settings.maxPeers,
  rollFor: settings.rollFor,
  rollBelow: settings.rollBelow === 'all' ? Number.POSITIVE_INFINITY : Number(settings.rollBelow),
  adoptExisting: settings.adoptExisting === 'restart',
  deleteMinAgeMs: settings.deleteMinAgeSeconds * 1000,
  maxUnavailable: limitOf(settings.maxUnavailable),
  quorumCheck: settings.quorumCheck,
  quorumUnknown: settings.quorumUnknown,
  minReadyMs: settings.minReadySeconds * 1000,
  minRestartIntervalMs: settings.minRestartIntervalSeconds * 1000,
  maxRestartsPerHour: settings.maxRestartsPerHour,
  windows: windowsOf(settings),
  expectedRestartMs: settings.expectedRestartSeconds * 1000,
  progressDeadlineMs: settings.progressDeadlineSeconds * 1000,
  stabilizationMs: settings.stabilizationSeconds * 1000,
  stabilizationMsMax: settings.stabilizationMaxSeconds * 1000,
  reloadMs: settings.reloadSeconds * 1000,
  reloadDeadlineMs: settings.reloadDeadlineSeconds * 1000,
  resyncMs: settings.resyncSeconds * 1000,
});
