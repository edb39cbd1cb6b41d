import assert from 'node:assert/strict';
import { it } from 'node:test';
import { proxyOf } from '../../../runtime/kube/proxy.ts';

const PROXY = 'http://proxy.example:3128';
const env = (more: Record<string, string>) => ({ HTTPS_PROXY: PROXY, ...more });

it('a server is reached through the proxy for its protocol', () => {
  const both = { HTTPS_PROXY: PROXY, http_proxy: 'plain.example:80' };
  assert.equal(proxyOf('https://api.example', both), PROXY);
  assert.equal(proxyOf('http://api.example', both), 'http://plain.example:80');
  assert.equal(proxyOf('http://api.example', { HTTPS_PROXY: PROXY }), undefined);
  assert.equal(proxyOf('https://api.example', { HTTPS_PROXY: '' }), undefined);
});

it('this machine is reached without a proxy', () => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]'])
    assert.equal(proxyOf(`https://${host}:6443`, env({})), undefined, host);
});

const EXCEPTED: ReadonlyArray<readonly [string, string, boolean]> = [
  ['*', 'api.example', true],
  ['api.example', 'api.example', true],
  ['example', 'api.example', true],
  ['.example', 'api.example', true],
  ['*.example', 'api.example', true],
  ['.api.example', 'api.example', false],
  ['pi.example', 'api.example', false],
  ['a, API.example ,b', 'api.example', true],
  ['api.example:6443', 'api.example:6443', true],
  ['api.example:443', 'api.example', true],
  ['api.example:443', 'api.example:6443', false],
  ['10.0.0.1', '10.0.0.1', true],
  ['10.0.0.1', '10.0.0.11', false],
  ['10.0.0.0/8', '10.200.0.1', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['10.0.0.0/99', '10.0.0.1', false],
  ['fd00::/8', '[fd00::2]', true],
  ['fd00::/8', '10.0.0.1', false],
  ['fd00::2', '[fd00::2]', true],
  ['', 'api.example', false],
];
for (const [exceptions, host, isExcepted] of EXCEPTED) {
  it(`NO_PROXY=${exceptions} ${isExcepted ? 'excepts' : 'does not except'} ${host}`, () => {
    const found = proxyOf(`https://${host}`, env({ NO_PROXY: exceptions }));
    assert.equal(found, isExcepted ? undefined : PROXY);
  });
}
