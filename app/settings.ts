/** Settings from an environment, checked against their table. The only reader of the environment is main.ts. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { DiscoverySettings } from '../peers/discovery/discover.ts';
import { type NetworkNamespaces, readNetworkNamespaces } from '../peers/discovery/namespace-allowlist.ts';
import { parseWindows, type Windows } from '../reconciler/plan/restarts/windows.ts';
import type { Setting } from './setting.ts';
import { SETTINGS } from './settings-table.ts';

export type Settings = { readonly [K in keyof typeof SETTINGS]: Static<(typeof SETTINGS)[K]['schema']> };

/** A setting cannot be used. The message has its name, its value and the allowed values. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** Only decimal numbers are converted. A looser conversion would turn `true` or `1.5` into 1, and hide a mistake. */
const DECIMAL = /^-?\d+(\.\d+)?$/;

function refuse({ env, schema, doc }: Setting, found: string, why = ''): never {
  const allowed = `it takes ${allowedBy(schema)}. ${doc}`;
  throw new SettingsError(`${env}=${JSON.stringify(found)} is not allowed${why}: ${allowed}`);
}

function readSetting(setting: Setting, found: string | undefined): unknown {
  const { schema, fallback } = setting;
  if (found === undefined || found === '') return fallback;
  const value = isNumeric(schema) && DECIMAL.test(found) ? Number(found) : found;
  if (Value.Check(schema, value)) return value;
  return refuse(setting, found);
}

const isNumeric = (schema: TSchema): boolean => Type.IsNumber(schema) || Type.IsInteger(schema);

function allowedBy(schema: TSchema): string {
  if (Type.IsEnum(schema)) return schema.enum.join(' or ');
  const { description, minimum, maximum } = schema as {
    readonly description?: string;
    readonly minimum?: number;
    readonly maximum?: number;
  };
  return (
    description ?? `a ${Type.IsInteger(schema) ? 'whole number' : 'number'} from ${minimum} to ${maximum}`
  );
}

/** Settings from an environment; an empty value means the default. Throws SettingsError, which says what is allowed. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const values = Object.entries(SETTINGS).map(([key, entry]) => [key, readSetting(entry, env[entry.env])]);
  const settings = Object.freeze(Object.fromEntries(values)) as Settings;
  const { requestTimeoutSeconds, leaseDurationSeconds } = settings;
  windowsIn(settings);
  networkNamespacesIn(settings);
  if (requestTimeoutSeconds * 3 > leaseDurationSeconds) {
    throw new SettingsError(
      `REQUEST_TIMEOUT_SECONDS=${requestTimeoutSeconds} is more than a third of ` +
        `LEASE_DURATION_SECONDS=${leaseDurationSeconds}: a slow write could outlive the leadership.`,
    );
  }
  return settings;
}

/** The restart windows. Throws SettingsError if they cannot be read. */
const windowsIn = ({ rolloutWindows }: Settings): Windows =>
  parseWindows(rolloutWindows) ?? refuse(SETTINGS.rolloutWindows, rolloutWindows);

/** The namespaces of each network. Throws SettingsError if they cannot be read. */
function networkNamespacesIn({ networkNamespaces }: Settings): NetworkNamespaces {
  const reading = readNetworkNamespaces(networkNamespaces);
  if ('allowed' in reading) return reading.allowed;
  return refuse(SETTINGS.networkNamespaces, networkNamespaces, `, since ${reading.problem}`);
}

/** The environment names of all settings. */
export const SETTING_NAMES: readonly string[] = Object.values<Setting>(SETTINGS).map(({ env }) => env);

/** The items of a setting that is a list with commas. */
export const listed = (text: string): string[] => text.split(',').filter((name) => name !== '');

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
