/**
 * Every setting once: environment name, default, check and the sentence that documents it.
 * docs/settings.md is generated from this table. The only reader of the environment is main.ts.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';

interface Setting<S extends TSchema = TSchema> {
  readonly env: string;
  readonly schema: S;
  readonly fallback: Static<S>;
  readonly doc: string;
}

const setting = <S extends TSchema>(
  env: string,
  schema: S,
  fallback: Static<S>,
  doc: string,
): Setting<S> => ({
  env,
  schema,
  fallback,
  doc,
});

const seconds = (minimum: number, maximum: number) => Type.Number({ minimum, maximum });
const port = Type.Integer({ minimum: 0, maximum: 65_535 });
/** A pattern says nothing to people: its description is what they are told is allowed. */
const text = (pattern: string, description: string) => Type.String({ pattern, description, maxLength: 4096 });
const dnsName = Type.String({
  pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
  description: 'a DNS name in lower case',
  maxLength: 253,
});
const names = text('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?(,|$))*$', 'DNS names with a comma between');
const oneOf = <const T extends string>(...values: T[]) => Type.Enum(values);

export const SETTINGS = {
  namespace: setting('POD_NAMESPACE', dnsName, 'stellar-peers', 'Our own namespace.'),
  podName: setting(
    'POD_NAME',
    dnsName,
    'stellar-peers',
    'Name of this replica, shown as holder of the Lease.',
  ),
  watchNamespaces: setting(
    'WATCH_NAMESPACES',
    names,
    '',
    'Namespaces to look at, with a comma between; empty for all.',
  ),
  peerScope: setting(
    'PEER_SCOPE',
    oneOf('cluster', 'namespace'),
    'cluster',
    'Whether validators know those of other namespaces: `cluster` or `namespace`.',
  ),
  clusterDomain: setting('CLUSTER_DOMAIN', dnsName, 'cluster.local', 'DNS domain of the cluster.'),
  maxPeers: setting(
    'MAX_PEERS',
    Type.Integer({ minimum: 1, maximum: 100 }),
    24,
    'Most peers in one view; stellar-core keeps 8 outbound connections.',
  ),
  peerConfig: setting(
    'PEER_CONFIG',
    oneOf('auto', 'annotated', 'off'),
    'auto',
    'Whether peers are merged into the configuration that stellar-core reads: `auto` where the pod is of the ' +
      'recognised shape or its StellarNode asks for it, `annotated` only where it asks, or `off`.',
  ),
  peerListKey: setting(
    'PEER_LIST_KEY',
    oneOf('auto', 'KNOWN_PEERS', 'PREFERRED_PEERS'),
    'auto',
    'The key under which they are merged; `auto` is KNOWN_PEERS, or PREFERRED_PEERS where the original has that.',
  ),
  corePort: setting(
    'CORE_HTTP_PORT',
    port,
    11_626,
    "The validators' HTTP port, to signal new peers to those that have it open; 0 to never call one.",
  ),
  corePollSeconds: setting(
    'CORE_POLL_SECONDS',
    seconds(0, 86_400),
    60,
    'How often a validator whose HTTP port is open is asked for its peers and state; 0 for only when signalled.',
  ),
  rollBelow: setting(
    'ROLL_BELOW',
    text('^(all|[0-9]{1,3})$', 'a whole number from 0 to 999, or all'),
    '8',
    'A validator is restarted for missing peers only while it knows fewer than this many; `all` for every change.',
  ),
  maxUnavailable: setting(
    'MAX_UNAVAILABLE',
    Type.Integer({ minimum: 0, maximum: 100 }),
    1,
    'Most validators of a group that may be down for a restart of ours to go ahead, that one included.',
  ),
  minReadySeconds: setting(
    'MIN_READY_SECONDS',
    seconds(0, 86_400),
    300,
    'How long all other validators of a group must have been Ready before one is restarted.',
  ),
  stabilizationSeconds: setting(
    'STABILIZATION_SECONDS',
    seconds(0, 600),
    30,
    'How long the membership of a group must have been unchanged before one is restarted.',
  ),
  deleteMinAgeSeconds: setting(
    'DELETE_MIN_AGE_SECONDS',
    seconds(0, 86_400),
    60,
    'A pod that is not Ready is not replaced before it is this old.',
  ),
  adoptExisting: setting(
    'ADOPT_EXISTING',
    oneOf('hold', 'restart'),
    'hold',
    'What becomes of pods older than the webhook: `hold` until their next restart, or `restart` one at a time.',
  ),
  resyncSeconds: setting(
    'RESYNC_SECONDS',
    seconds(1, 86_400),
    300,
    'How often everything is looked at again, though nothing has changed.',
  ),
  leaseDurationSeconds: setting(
    'LEASE_DURATION_SECONDS',
    seconds(1, 300),
    15,
    'How long after the last renewal another replica may take the lead.',
  ),
  requestTimeoutSeconds: setting(
    'REQUEST_TIMEOUT_SECONDS',
    seconds(0.1, 60),
    5,
    'How long one request to the API server may take; less than a third of the Lease.',
  ),
  webhookPort: setting(
    'WEBHOOK_PORT',
    port,
    8443,
    'Port of the admission webhook (TLS); 0 for any free one.',
  ),
  httpPort: setting('HTTP_PORT', port, 8080, 'Port of /healthz, /readyz and /metrics; 0 for any free one.'),
  bindAddress: setting(
    'BIND_ADDRESS',
    text('^[0-9a-fA-F.:]+$', 'an IPv4 or IPv6 address'),
    '::',
    'Address to listen on.',
  ),
  webhookHosts: setting(
    'WEBHOOK_HOSTS',
    text('^[0-9a-zA-Z.:,-]*$', 'host names or addresses with a comma between'),
    '',
    'Further host names or addresses for the managed certificate, with a comma between.',
  ),
  drainSeconds: setting(
    'DRAIN_SECONDS',
    seconds(0, 60),
    5,
    'How long a replica that is asked to stop still answers, until the endpoints have noticed.',
  ),
  logLevel: setting(
    'LOG_LEVEL',
    oneOf('debug', 'info', 'warn', 'error'),
    'info',
    'Least level that is logged: `debug`, `info`, `warn` or `error`.',
  ),
} as const satisfies Record<string, Setting>;

export type Settings = { readonly [K in keyof typeof SETTINGS]: Static<(typeof SETTINGS)[K]['schema']> };

/** A setting that cannot be used: what was found, where, and what is allowed. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** Decimal digits only: a conversion that takes `true` for 1 or `1.5` for 1 would hide a mistake. */
const DECIMAL = /^-?\d+(\.\d+)?$/;

function readSetting({ env, schema, fallback, doc }: Setting, found: string | undefined): unknown {
  if (found === undefined || found === '') return fallback;
  const value = isNumeric(schema) && DECIMAL.test(found) ? Number(found) : found;
  if (Value.Check(schema, value)) return value;
  throw new SettingsError(
    `${env}=${JSON.stringify(found)} is not allowed: it takes ${allowedBy(schema)}. ${doc}`,
  );
}

const isNumeric = (schema: TSchema): boolean => Type.IsNumber(schema) || Type.IsInteger(schema);

/** What a schema allows, in words. */
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

/**
 * Settings from an environment; an empty value means the default.
 * Throws SettingsError naming the variable, what it holds and what is allowed.
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const values = Object.entries(SETTINGS).map(([key, entry]) => [key, readSetting(entry, env[entry.env])]);
  const settings = Object.freeze(Object.fromEntries(values)) as Settings;
  if (settings.requestTimeoutSeconds * 3 > settings.leaseDurationSeconds) {
    throw new SettingsError(
      `REQUEST_TIMEOUT_SECONDS=${settings.requestTimeoutSeconds} is more than a third of ` +
        `LEASE_DURATION_SECONDS=${settings.leaseDurationSeconds}: a slow write could outlive the leadership.`,
    );
  }
  return settings;
}

/** The names in a setting that lists them with a comma between. */
export const listed = (text: string): string[] => text.split(',').filter((name) => name !== '');
