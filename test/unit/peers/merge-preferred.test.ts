/** Preferred peers in a configuration: how many siblings are preferred, and how many places are left to others. */
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { viewFiles } from '../../../peers/views/views.ts';
import { DISCOVERY } from '../reconciler/group.ts';
import { node, worldWith } from '../world.ts';
import { type Merged, mergeEach, toml } from './merge-runs.ts';
import { type Shell, underEachShell } from './merge-shells.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'];
const WORLD = worldWith({ nodes: NAMES.map((name) => node(name)) });
const SIBLINGS = discover(WORLD, DISCOVERY).groups.get('testnet')?.members ?? [];
const OUTSIDE = ['192.0.2.1:11625', 'x.example.org:11625', 'y.example.org:11625', 'z.example.org:11725'];
const OWN_KNOWN = 'KNOWN_PEERS=["own.example.org"]\n';

/** The published file, with these numbers of siblings and of peers outside the cluster. */
const published = (siblings: number, outside: number): string =>
  viewFiles({ view: SIBLINGS.slice(0, siblings), externals: OUTSIDE.slice(0, outside) }).toml;

interface Case {
  readonly text: string;
  readonly siblings?: number;
  readonly outside?: number;
  readonly share?: string;
  readonly key?: string;
}

const merged = (shell: Shell, cases: readonly Case[]): Merged[] =>
  mergeEach(
    shell,
    cases.map(({ text, siblings = 12, outside = 4, share = 'half', key = 'auto' }) => ({
      text,
      peers: published(siblings, outside),
      asked: { share, key },
    })),
  );

/** For each configuration, the number of preferred siblings, and the other preferred peers. */
function preferred(shell: Shell, cases: readonly Case[]) {
  return merged(shell, cases).map(({ file, said }) => {
    const list = toml(file).PREFERRED_PEERS;
    assert.ok(Array.isArray(list), said);
    const others = list.filter((address) => OUTSIDE.includes(address));
    return [list.length - others.length, others.length];
  });
}

describe('preferred peers on a public network', () => {
  underEachShell(
    'are siblings, for at most half of TARGET_PEER_CONNECTIONS, and then peers outside the cluster',
    (shell) => {
      const target = (value: string) => ({ text: `${OWN_KNOWN}TARGET_PEER_CONNECTIONS${value}\n` });
      assert.deepEqual(
        preferred(shell, [
          { text: OWN_KNOWN },
          target(' = 6 # few'),
          target('=20'),
          target('=5'),
          target('=1'),
          { ...target('=4'), outside: 1 },
          { text: OWN_KNOWN, outside: 0 },
          { text: OWN_KNOWN, siblings: 2 },
          { text: '"TARGET_PEER_CONNECTIONS"\t= 4#\nHTTP_PORT=1\r\n', key: 'PREFERRED_PEERS' },
        ]),
        [
          [4, 4],
          [3, 3],
          [10, 4],
          [2, 3],
          [0, 1],
          [2, 1],
          [4, 0],
          [2, 4],
          [2, 2],
        ],
      );
    },
  );

  underEachShell('are limited by the default if the configured number cannot be read', (shell) => {
    const odd = ['0', '-4', '"4"', '0x4', '4_0', '4.5', '1234567890', 'true', '[4]'];
    const cases = odd.map((value) => ({ text: `${OWN_KNOWN}TARGET_PEER_CONNECTIONS=${value}\n` }));
    const elsewhere = [
      '# TARGET_PEER_CONNECTIONS=4',
      'X="TARGET_PEER_CONNECTIONS=4"',
      '[T]\nTARGET_PEER_CONNECTIONS=4',
    ];
    cases.push(...elsewhere.map((text) => ({ text: `${OWN_KNOWN}${text}\n` })));
    assert.deepEqual(
      preferred(shell, cases),
      cases.map(() => [4, 4]),
    );
  });

  underEachShell('do not limit KNOWN_PEERS, which has all peers', (shell) => {
    const [known] = merged(shell, [{ text: 'TARGET_PEER_CONNECTIONS=2\n' }]);
    assert.equal(known?.outcome, 'Merged KNOWN_PEERS 16');
  });

  underEachShell('are the first eight peers on a private network, siblings or not', (shell) => {
    const few = { text: `${OWN_KNOWN}TARGET_PEER_CONNECTIONS=4\n`, share: 'all' };
    assert.deepEqual(preferred(shell, [few, { ...few, siblings: 6 }]), [
      [8, 0],
      [6, 2],
    ]);
  });
});

describe('PREFERRED_PEERS_ONLY=true', () => {
  const ONLY = 'PREFERRED_PEERS_ONLY=true\n';
  const OWN_PREFERRED = 'PREFERRED_PEERS=["own.example.org"]\n';

  underEachShell('is reported if stellar-core drops our peers', (shell) => {
    const told = [ONLY, ONLY + OWN_PREFERRED, `"PREFERRED_PEERS_ONLY" = true# only\r\n`];
    for (const [index, { outcome, file }] of merged(
      shell,
      told.map((text) => ({ text })),
    ).entries()) {
      assert.equal(outcome, 'PeersIgnored KNOWN_PEERS 16', String(told[index]));
      assert.equal((toml(file).KNOWN_PEERS as unknown[]).length, 16);
      assert.ok(file.toString().endsWith(told[index] ?? 'not there'));
    }
  });

  underEachShell('is not reported if false or elsewhere, or if our peers are preferred', (shell) => {
    const silent = [
      'PREFERRED_PEERS_ONLY=false\n',
      `# ${ONLY}`,
      `X="""\n${ONLY}"""\n`,
      `[T]\n${ONLY}`,
      'X_PREFERRED_PEERS_ONLY=true\n',
      'PREFERRED_PEERS_ONLY.sub=true\n',
      '"PREFERRED_PEERS_ONLY" . sub = true\n',
    ];
    for (const { outcome } of merged(
      shell,
      silent.map((text) => ({ text })),
    ))
      assert.equal(outcome, 'Merged KNOWN_PEERS 16');
    const [preferring] = merged(shell, [{ text: ONLY + OWN_KNOWN }]);
    assert.equal(preferring?.outcome, 'Merged PREFERRED_PEERS 8, siblings 4');
  });
});

describe('PREFERRED_PEER_KEYS', () => {
  underEachShell('stay unchanged, and take no place of our peers', (shell) => {
    const keys = [`G${'A'.repeat(55)}`, `G${'B'.repeat(55)} ours`];
    const text = `PREFERRED_PEER_KEYS=${JSON.stringify(keys)}\n`;
    const [known, preferring] = merged(shell, [{ text }, { text: text + OWN_KNOWN }]);
    assert.equal(known?.outcome, 'Merged KNOWN_PEERS 16');
    assert.equal(preferring?.outcome, 'Merged PREFERRED_PEERS 8, siblings 4');
    for (const each of [known, preferring])
      assert.deepEqual(toml(each?.file ?? '').PREFERRED_PEER_KEYS, keys);
  });
});
