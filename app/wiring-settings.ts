/**
 * The settings of the parts that decide, in their units. Apart from wiring.ts, so that a command loads no server.
 */
import type { DiscoverySettings } from '../peers/discovery/discover.ts';
import { networkNamespacesIn, type Settings, windowsIn } from './settings.ts';

const limitOf = (text: string) => ({ value: Number.parseInt(text, 10), isPercent: text.endsWith('%') });

/** The settings that discovery takes. */
export const discoverySettings = (settings: Settings): DiscoverySettings => ({
  peerScope: settings.peerScope,
  clusterDomain: settings.clusterDomain,
  networkNamespaces: networkNamespacesIn(settings),
});

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
  windows: windowsIn(settings),
  expectedRestartMs: settings.expectedRestartSeconds * 1000,
  progressDeadlineMs: settings.progressDeadlineSeconds * 1000,
  stabilizationMs: settings.stabilizationSeconds * 1000,
  stabilizationMsMax: settings.stabilizationMaxSeconds * 1000,
  reloadMs: settings.reloadSeconds * 1000,
  reloadDeadlineMs: settings.reloadDeadlineSeconds * 1000,
  resyncMs: settings.resyncSeconds * 1000,
});
