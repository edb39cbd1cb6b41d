/** Every setting once: name, default, check, and the sentence for docs/settings.md, which is made from it. */
import { Type } from 'typebox';
import {
  DAY_SECONDS,
  dnsName,
  dnsNames,
  oneOf,
  port,
  type Setting,
  seconds,
  setting,
  text,
} from './setting.ts';
import { ROLLOUT_SETTINGS } from './settings-rollout.ts';

export const SETTINGS = {
  namespace: setting('POD_NAMESPACE', dnsName, 'stellar-peers', 'Our own namespace.'),
  podName: setting(
    'POD_NAME',
    dnsName,
    'stellar-peers',
    'Name of this replica. The Lease names its holder by this name, `_` and 8 random hex digits.',
  ),
  watchNamespaces: setting(
    'WATCH_NAMESPACES',
    dnsNames,
    '',
    'Namespaces to watch, with a comma between; empty for all.',
  ),
  peerScope: setting(
    'PEER_SCOPE',
    oneOf('cluster', 'namespace'),
    'cluster',
    'Which validators of a network know each other: all of the cluster (`cluster`), or those of the same ' +
      'namespace (`namespace`).',
  ),
  networkNamespaces: setting(
    'NETWORK_NAMESPACES',
    Type.String({
      pattern: '^[ -~]*$',
      description: 'networks and their namespaces, such as `mainnet=core-a,core-b`',
      maxLength: 65_536,
    }),
    '',
    'Which namespaces may hold validators of a network, as `mainnet=core-a,core-b; custom-0123456789abcdef=lab`; a ' +
      'network that is not named is open to all. The names of networks are those that `stellar-peers status` shows.',
  ),
  clusterDomain: setting(
    'CLUSTER_DOMAIN',
    dnsName,
    'cluster.local',
    'DNS domain of the cluster. If it is not set, a replica takes the domain that its /etc/resolv.conf names.',
  ),
  maxPeers: setting(
    'MAX_PEERS',
    Type.Integer({ minimum: 1, maximum: 100 }),
    24,
    'The largest number of peers in one view. stellar-core keeps 8 outbound connections.',
  ),
  peerConfig: setting(
    'PEER_CONFIG',
    oneOf('auto', 'annotated', 'off'),
    'auto',
    "Where peers are merged into stellar-core's configuration. `auto`: if the pod has the recognised shape (that of the " +
      'Stellar-K8s operator), or if its StellarNode asks for it. `annotated`: only if the StellarNode asks for it. `off`: nowhere.',
  ),
  peerListKey: setting(
    'PEER_LIST_KEY',
    oneOf('auto', 'KNOWN_PEERS', 'PREFERRED_PEERS'),
    'auto',
    "The key of stellar-core's configuration for the merged peers. `auto`: KNOWN_PEERS, or PREFERRED_PEERS " +
      'if the original has KNOWN_PEERS already.',
  ),
  peerReload: setting(
    'PEER_RELOAD',
    oneOf('auto', 'off'),
    'auto',
    'Where a sidecar tells running validators of new peers. `auto`: if the configuration is merged, or if ' +
      '`stellar.org/peer-reload` says `on`. `off`: nowhere.',
  ),
  corePort: setting(
    'CORE_HTTP_PORT',
    port,
    11_626,
    "The validators' HTTP port. The leader tells a validator of new peers if that port is open; 0: the leader calls " +
      'no validator.',
  ),
  corePollSeconds: setting(
    'CORE_POLL_SECONDS',
    seconds(0, 86_400),
    60,
    'How often the leader asks a validator with an open HTTP port for its peers and state; 0: only when the ' +
      'leader tells the validator of a peer.',
  ),
  ...ROLLOUT_SETTINGS,
  resyncSeconds: setting(
    'RESYNC_SECONDS',
    seconds(1, 86_400),
    300,
    'How often everything is computed anew although nothing has changed.',
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
    'How long one request to the API server may take: at most a third of LEASE_DURATION_SECONDS.',
  ),
  webhookPort: setting(
    'WEBHOOK_PORT',
    port,
    8443,
    'Port of the admission webhook (TLS); 0 for any free one.',
  ),
  httpPort: setting('HTTP_PORT', port, 8080, 'Port of /healthz, /readyz and /metrics; 0 for any free one.'),
  statusPagePort: setting(
    'STATUS_PAGE_PORT',
    port,
    8082,
    'Port of the status page, which every caller that reaches the port may read; 0 for no page.',
  ),
  statusPageHosts: setting(
    'STATUS_PAGE_HOSTS',
    dnsNames,
    '',
    'Further host names under which the status page answers, such as that of an ingress, with a comma ' +
      'between.',
  ),
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
  certDir: setting(
    'CERT_DIR',
    text('^(/[^\\0]*)?$', 'an absolute path'),
    '',
    'Folder with `tls.crt`, `tls.key` and `ca.crt`, mounted from a Secret of cert-manager; empty for ' +
      'certificates that stellar-peers makes itself.',
  ),
  certLifetimeSeconds: setting(
    'CERT_LIFETIME_SECONDS',
    seconds(10, 315_360_000),
    90 * DAY_SECONDS,
    'How long a certificate that stellar-peers makes is valid; it is renewed after about two thirds of this time.',
  ),
  caLifetimeSeconds: setting(
    'CA_LIFETIME_SECONDS',
    seconds(20, 1_576_800_000),
    5 * 365 * DAY_SECONDS,
    'How long the CA that stellar-peers makes is valid; it is renewed after about two thirds of this time.',
  ),
  caOverlapSeconds: setting(
    'CA_OVERLAP_SECONDS',
    seconds(0, 86_400),
    60,
    'How long caBundle must have named a new CA before a certificate of that CA is served.',
  ),
  caRetireSeconds: setting(
    'CA_RETIRE_SECONDS',
    seconds(0, 31_536_000),
    DAY_SECONDS,
    'How long the former CA stays in caBundle after its last certificate was replaced.',
  ),
  drainSeconds: setting(
    'DRAIN_SECONDS',
    seconds(0, 60),
    5,
    "How long a replica that is asked to stop still answers, until the Service's endpoints have changed.",
  ),
  logLevel: setting(
    'LOG_LEVEL',
    oneOf('debug', 'info', 'warn', 'error'),
    'info',
    'The lowest level that is logged: `debug`, `info`, `warn` or `error`.',
  ),
} as const satisfies Record<string, Setting>;
