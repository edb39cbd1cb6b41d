/** Contents that an API server accepts but that we never write: of the Lease, the Secret, ConfigMaps, StellarNodes. */
import { StellarNodes } from '../../runtime/kube/resources.ts';

const INT32_MAX = 2_147_483_647;
export const LONG = 'x'.repeat(60_000);

/** Merge patches of the Lease's spec; null empties it, `deleted` deletes the Lease. */
export const ODD_LEASES: ReadonlyArray<readonly [string, object | null | 'deleted']> = [
  ['is empty', null],
  ['is deleted', 'deleted'],
  ['is held by no replica', { holderIdentity: '' }],
  ['is held by a stranger', { holderIdentity: 'stranger', leaseDurationSeconds: 1 }],
  [
    'is held by a name that no replica can have',
    { holderIdentity: `\u202e💥 ${LONG}`, leaseDurationSeconds: 1 },
  ],
  ['was renewed in the far future', { holderIdentity: 'stranger', renewTime: '9999-12-31T23:59:59.999999Z' }],
  ['was never renewed', { holderIdentity: 'stranger', renewTime: null, acquireTime: null }],
  ['has no duration', { holderIdentity: 'stranger', leaseDurationSeconds: null }],
  ['has the largest number of leaseTransitions', { holderIdentity: 'gone', leaseTransitions: INT32_MAX }],
];

/** Held for 68 years, by a holder that never gives it back. */
export const ABSURD_LEASE = {
  holderIdentity: 'stranger',
  leaseDurationSeconds: INT32_MAX,
  renewTime: '9999-12-31T23:59:59.999999Z',
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const GARBAGE = base64('\u0000\u0001 no PEM');

type Data = Readonly<Record<string, string>>;

/** The new data of the Secret, from its data; undefined deletes the Secret, `type` creates it anew with that type. */
export const ODD_SECRETS: ReadonlyArray<
  readonly [string, (data: Data) => { readonly data: Data; readonly type?: string } | undefined]
> = [
  ['holds garbage as certificate', (data) => ({ data: { ...data, 'tls.crt': GARBAGE } })],
  ['holds garbage as key', (data) => ({ data: { ...data, 'tls.key': GARBAGE } })],
  ['holds garbage as CA', (data) => ({ data: { ...data, 'ca.crt': GARBAGE } })],
  ['holds garbage as the CA’s key', (data) => ({ data: { ...data, 'ca.key': GARBAGE } })],
  [
    'holds garbage only',
    () => ({ data: { 'ca.crt': GARBAGE, 'ca.key': GARBAGE, 'tls.crt': GARBAGE, 'tls.key': GARBAGE } }),
  ],
  [
    'has its keys swapped',
    (data) => ({ data: { ...data, 'tls.key': data['ca.key'] ?? '', 'ca.key': data['tls.key'] ?? '' } }),
  ],
  [
    'has its certificates swapped',
    (data) => ({ data: { ...data, 'tls.crt': data['ca.crt'] ?? '', 'ca.crt': data['tls.crt'] ?? '' } }),
  ],
  ['is empty', () => ({ data: {} })],
  [
    'holds none of our keys and a large key of others',
    () => ({ data: { dump: base64('x'.repeat(700_000)) } }),
  ],
  ['is deleted', () => undefined],
  [
    'is of the type of TLS pairs',
    (data) => ({ data: { ...data, 'tls.crt': GARBAGE }, type: 'kubernetes.io/tls' }),
  ],
  ['is of the type of passwords', () => ({ data: { username: GARBAGE }, type: 'kubernetes.io/basic-auth' })],
];

const dataOf = (path: string, text: string) => ({ [path]: text });

/** Merge patches of ConfigMaps: a title, the name, the namespace, the patch. */
export const ODD_MAPS: ReadonlyArray<readonly [string, string, 'stellar' | 'stellar-peers', object]> = [
  ['the peers', 'stellar-peers', 'stellar', { data: dataOf('validator-1.view.json', '{"hash":1}') }],
  ['the peers, all of them', 'stellar-peers', 'stellar', { data: null }],
  [
    'the peers, with a large key of others',
    'stellar-peers',
    'stellar',
    { data: { dump: 'x'.repeat(900_000) } },
  ],
  ['the peers, with binaryData of others', 'stellar-peers', 'stellar', { binaryData: { dump: GARBAGE } }],
  [
    'the overview',
    'stellar-peers',
    'stellar-peers',
    { data: { 'networks.json': '[[[', KNOWN_PEERS: '\u0000' } },
  ],
  [
    'the journal',
    'stellar-peers-restarts',
    'stellar-peers',
    { data: { testnet: '{"restarts":[{}]}', '.a': LONG } },
  ],
  ['the journal’s bytes', 'stellar-peers-restarts', 'stellar-peers', { binaryData: { testnet: GARBAGE } }],
  [
    'the outside peers',
    'stellar-peers-external',
    'stellar-peers',
    { data: { testnet: `::1\n${'x y\n'.repeat(90_000)}` } },
  ],
  [
    'binaryData of the outside peers',
    'stellar-peers-external',
    'stellar-peers',
    { binaryData: { mainnet: GARBAGE } },
  ],
];

const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

/**
 * `spec`: JSON text of StellarNode fields. `is`: the code of the reason for it, `refused` by the API server, or `peer` if
 * the StellarNode is a peer all the same.
 */
export const ODD_NODES: ReadonlyArray<readonly [string, { spec: string; annotations?: object; is: string }]> =
  [
    ['network-null', { spec: '"network": null', is: 'refused' }],
    ['network-number', { spec: '"network": 1e308', is: 'UnreadableNetwork' }],
    ['network-list', { spec: '"network": ["testnet"]', is: 'UnreadableNetwork' }],
    ['network-empty', { spec: '"network": {}', is: 'UnreadableNetwork' }],
    ['network-deep', { spec: `"network": ${deep(9_000)}`, is: 'UnreadableNetwork' }],
    ['network-long', { spec: `"network": "${'n'.repeat(500_000)}"`, is: 'UnreadableNetwork' }],
    ['passphrase-none', { spec: '"network": "custom"', is: 'UnreadableNetwork' }],
    ['passphrase-proto', { spec: '"network": {"Custom": "__proto__"}', is: 'peer' }],
    [
      'passphrase-constructor',
      { spec: '"network": "custom", "customNetworkPassphrase": "constructor"', is: 'peer' },
    ],
    ['passphrase-odd', { spec: '"network": {"custom": "\\u0000\\u202e\\ud83d\\udca5"}', is: 'peer' }],
    ['passphrase-long', { spec: `"network": {"custom": "${'p'.repeat(200_000)}"}`, is: 'peer' }],
    [
      'proto',
      { spec: '"network": {"custom": "proto"}, "__proto__": {"replicas": 5}, "constructor": 7', is: 'peer' },
    ],
    [
      'port-text',
      { spec: '"network": {"custom": "odd"}, "validatorConfig": {"peerPort": "11625"}', is: 'InvalidPort' },
    ],
    [
      'port-deep',
      {
        spec: `"network": {"custom": "odd"}, "validatorConfig": {"peerPort": ${deep(9_000)}}`,
        is: 'InvalidPort',
      },
    ],
    [
      'port-huge',
      {
        spec: '"network": {"custom": "odd"}, "validatorConfig": {"peerPort": 9007199254740993}',
        is: 'InvalidPort',
      },
    ],
    [
      'replicas-million',
      { spec: '"network": {"custom": "odd"}, "replicas": 1000000', is: 'InvalidReplicas' },
    ],
    [
      'replicas-huge',
      { spec: '"network": {"custom": "odd"}, "replicas": 9223372036854775807', is: 'InvalidReplicas' },
    ],
    [
      'quorum-long',
      {
        spec: `"network": {"custom": "odd-1"}, "validatorConfig": {"quorumSet": "${'['.repeat(300_000)}"}`,
        is: 'peer',
      },
    ],
    [
      'quorum-deep',
      {
        spec: `"network": {"custom": "odd-2"}, "validatorConfig": {"quorumSet": "a = ${'['.repeat(60_000)}"}`,
        is: 'peer',
      },
    ],
    ['unknown-deep', { spec: `"network": {"custom": "odd-3"}, "whatever": ${deep(9_000)}`, is: 'peer' }],
    [
      'address',
      {
        spec: '"network": {"custom": "odd-4"}',
        annotations: { 'stellar.org/peer-address': '[::1]:1\n\u0000' },
        is: 'InvalidAddress',
      },
    ],
    [
      'port-annotation',
      {
        spec: '"network": {"custom": "odd"}',
        annotations: { 'stellar.org/peer-port': '0x2d69' },
        is: 'InvalidPort',
      },
    ],
    [
      'rollout',
      {
        spec: '"network": {"custom": "odd-5"}',
        annotations: { 'stellar.org/peer-rollout': '\u0000', 'stellar.org/peer-budget': LONG },
        is: 'peer',
      },
    ],
  ];

/** The StellarNode as JSON text, in maintenance mode: the operator leaves it alone, since no test looks at the operator. */
export const nodeText = (
  namespace: string,
  name: string,
  { spec, annotations = {} }: { spec: string; annotations?: object },
) =>
  `{"apiVersion":"${StellarNodes.apiVersion}","kind":"StellarNode","metadata":${JSON.stringify({ namespace, name, annotations })},"spec":{"nodeType":"Validator","maintenanceMode":true,${spec}}}`;
