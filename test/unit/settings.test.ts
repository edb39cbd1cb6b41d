/** The shipped defaults, and the messages on invalid settings. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listed, readSettings, SettingsError } from '../../app/settings.ts';
import { SETTINGS } from '../../app/settings-table.ts';

/** By the name that people set; the tests and the demo shorten some of them, and nothing else does. */
const SHIPPED = {
  POD_NAMESPACE: 'stellar-peers',
  POD_NAME: 'stellar-peers',
  WATCH_NAMESPACES: '',
  PEER_SCOPE: 'cluster',
  NETWORK_NAMESPACES: '',
  CLUSTER_DOMAIN: 'cluster.local',
  MAX_PEERS: 24,
  PEER_CONFIG: 'auto',
  PEER_LIST_KEY: 'auto',
  PEER_RELOAD: 'auto',
  CORE_HTTP_PORT: 11_626,
  CORE_POLL_SECONDS: 60,
  ROLL_FOR: 'auto',
  ROLL_BELOW: '8',
  MAX_UNAVAILABLE: '1',
  QUORUM_CHECK: 'hold',
  QUORUM_UNKNOWN: 'auto',
  RELOAD_DEADLINE_SECONDS: 1800,
  RELOAD_SECONDS: 300,
  MIN_READY_SECONDS: 300,
  MIN_RESTART_INTERVAL_SECONDS: 600,
  MAX_RESTARTS_PER_HOUR: 12,
  ROLLOUT_WINDOWS: '',
  EXPECTED_RESTART_SECONDS: 600,
  PROGRESS_DEADLINE_SECONDS: 3600,
  STABILIZATION_SECONDS: 30,
  STABILIZATION_MAX_SECONDS: 600,
  DELETE_MIN_AGE_SECONDS: 60,
  ADOPT_EXISTING: 'hold',
  RESYNC_SECONDS: 300,
  LEASE_DURATION_SECONDS: 15,
  REQUEST_TIMEOUT_SECONDS: 5,
  WEBHOOK_PORT: 8443,
  HTTP_PORT: 8080,
  STATUS_PAGE_PORT: 8082,
  STATUS_PAGE_HOSTS: '',
  BIND_ADDRESS: '::',
  WEBHOOK_HOSTS: '',
  CERT_DIR: '',
  CERT_LIFETIME_SECONDS: 7_776_000,
  CA_LIFETIME_SECONDS: 157_680_000,
  CA_OVERLAP_SECONDS: 60,
  CA_RETIRE_SECONDS: 86_400,
  DRAIN_SECONDS: 5,
  LOG_LEVEL: 'info',
};

const byVariable = (env: Record<string, string>) => {
  const settings = readSettings(env);
  const keys = Object.keys(SETTINGS) as Array<keyof typeof SETTINGS>;
  return Object.fromEntries(keys.map((key) => [SETTINGS[key].env, settings[key]]));
};

const limitedLog = (env: Record<string, string>): string => {
  let message = '';
  assert.throws(
    () => readSettings(env),
    (error) => {
      assert.ok(error instanceof SettingsError);
      message = error.message;
      return true;
    },
  );
  return message;
};

describe('the settings', () => {
  it('have these defaults', () => {
    assert.deepEqual(byVariable({}), SHIPPED);
  });

  it('are not changed by unknown variables, and an empty value means the default', () => {
    const empty = Object.fromEntries(Object.keys(SHIPPED).map((name) => [name, '']));
    assert.deepEqual(byVariable({ ...empty, MAX_PEER: '1', PATH: '/bin' }), SHIPPED);
  });

  it('accept allowed values', () => {
    const set = {
      WATCH_NAMESPACES: 'north,south.a',
      PEER_SCOPE: 'namespace',
      NETWORK_NAMESPACES: 'mainnet=core-a, core-b; custom-0123456789abcdef=lab;',
      MAX_PEERS: '100',
      ROLL_FOR: 'unlinked',
      ROLL_BELOW: 'all',
      MAX_UNAVAILABLE: '25%',
      ROLLOUT_WINDOWS: 'Mon-Fri 09:00-17:00 Europe/Berlin; daily 22:00-02:00',
      MIN_READY_SECONDS: '0.5',
      ADOPT_EXISTING: 'restart',
      REQUEST_TIMEOUT_SECONDS: '1',
      BIND_ADDRESS: '127.0.0.1',
      WEBHOOK_HOSTS: '127.0.0.1,::1,localhost',
      LOG_LEVEL: 'debug',
    };
    const numbers = {
      MAX_PEERS: 100,
      MAX_UNAVAILABLE: '25%',
      ROLLOUT_WINDOWS: 'Mon-Fri 09:00-17:00 Europe/Berlin; daily 22:00-02:00',
      MIN_READY_SECONDS: 0.5,
      REQUEST_TIMEOUT_SECONDS: 1,
    };
    assert.deepEqual(byVariable(set), { ...SHIPPED, ...set, ...numbers });
    assert.deepEqual(listed(set.WATCH_NAMESPACES), ['north', 'south.a']);
    assert.deepEqual(listed(''), []);
  });
});

describe('an invalid setting', () => {
  const cases: ReadonlyArray<[string, string, string]> = [
    ['POD_NAMESPACE', 'Stellar_Peers', 'a DNS name in lower case'],
    ['WATCH_NAMESPACES', 'north south', 'DNS names with a comma between'],
    ['PEER_SCOPE', 'galaxy', 'cluster or namespace'],
    ['MAX_PEERS', '0', 'a whole number from 1 to 100'],
    ['MAX_PEERS', '24.5', 'a whole number from 1 to 100'],
    ['MAX_PEERS', '0x18', 'a whole number from 1 to 100'],
    ['ROLL_BELOW', 'none', 'a whole number from 0 to 999, or all'],
    ['MAX_UNAVAILABLE', '-1', 'a whole number, or a percentage such as 25%'],
    ['MAX_UNAVAILABLE', '101%', 'a whole number, or a percentage such as 25%'],
    [
      'ROLLOUT_WINDOWS',
      'now and then',
      'windows such as `Mon-Fri 09:00-17:00 Europe/Berlin; daily 22:00-02:00 UTC`',
    ],
    ['QUORUM_CHECK', 'maybe', 'hold or warn or off'],
    ['MAX_UNAVAILABLE', 'true', 'a whole number, or a percentage such as 25%'],
    ['MIN_READY_SECONDS', '5m', 'a number from 0 to 86400'],
    ['MIN_READY_SECONDS', 'false', 'a number from 0 to 86400'],
    ['STABILIZATION_SECONDS', '601', 'a number from 0 to 600'],
    ['DELETE_MIN_AGE_SECONDS', 'Infinity', 'a number from 0 to 86400'],
    ['ADOPT_EXISTING', 'yes', 'hold or restart'],
    ['LEASE_DURATION_SECONDS', ' 15', 'a number from 1 to 300'],
    ['WEBHOOK_PORT', '70000', 'a whole number from 0 to 65535'],
    ['BIND_ADDRESS', 'localhost', 'an IPv4 or IPv6 address'],
    ['WEBHOOK_HOSTS', 'a b', 'host names or addresses with a comma between'],
    ['LOG_LEVEL', 'trace', 'debug or info or warn or error'],
  ];
  for (const [name, found, allowed] of cases) {
    it(`${name}=${found} is refused with the variable, the value and what is allowed`, () => {
      const message = limitedLog({ [name]: found });
      assert.ok(
        message.startsWith(`${name}=${JSON.stringify(found)} is not allowed: it takes ${allowed}.`),
        message,
      );
    });
  }

  it('for namespaces is refused at the first mistake in the list, because a network would stay open', () => {
    const cases: ReadonlyArray<[string, string]> = [
      ['main=a', '"main" is no network'],
      ['Mainnet=a', '"Mainnet" is no network'],
      ['mainnet', 'mainnet has no namespace'],
      ['mainnet=', 'mainnet has no namespace'],
      ['mainnet=a,b_c', '"b_c" is no name of a namespace'],
      ['mainnet=a b', '"a b" is no name of a namespace'],
      ['mainnet=*', '"*" is no name of a namespace'],
      ['mainnet=a; mainnet=b', 'mainnet is given twice'],
      ['mainnet=a=b', 'mainnet=a=b has more than one ='],
      ['custom-123=a', '"custom-123" is no network'],
      ['=a', '"" is no network'],
    ];
    for (const [found, problem] of cases) {
      const message = limitedLog({ NETWORK_NAMESPACES: found });
      const start = `NETWORK_NAMESPACES=${JSON.stringify(found)} is not allowed, since ${problem}: it takes networks and their namespaces, such as \`mainnet=`;
      assert.ok(message.startsWith(start), message);
    }
  });

  it('that contradicts another is refused with the names of both', () => {
    const message = limitedLog({ REQUEST_TIMEOUT_SECONDS: '6' });
    assert.match(message, /REQUEST_TIMEOUT_SECONDS=6 .*LEASE_DURATION_SECONDS=15/);
  });
});
