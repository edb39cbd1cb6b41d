/** The webhook is asked as the API server asks it: what the API server trusts is trusted. */
import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { createServer } from 'node:https';
import { test } from 'node:test';
import { createAuthority } from '../../../certs/authority.ts';
import type { World } from '../../../peers/world.ts';
import { preflightWebhook } from '../../../reconciler/apply/preflight.ts';
import { chainOf } from '../certs/chain.ts';
import { listening } from '../runtime/listening.ts';
import { VALID_NOW } from '../stand-ins/now.ts';

const { root, middle, served } = await chainOf({ ...VALID_NOW, hosts: ['127.0.0.1'] });
const stranger = await createAuthority(VALID_NOW);

const TRUSTS: ReadonlyArray<readonly [string, string, RegExp]> = [
  ['the root', root.certPem, /no JSON|answer/],
  ['the intermediate CA alone', middle.certPem, /no JSON|answer/],
  ['another root', stranger.certPem, /: unable to [a-z ]+$/],
];

for (const [what, caPem, problem] of TRUSTS) {
  test(`a webhook of an intermediate CA is asked where caBundle holds ${what}`, async (t) => {
    const server = createServer({ cert: served.certPem, key: served.keyPem }, (_, response) => {
      response.end('nothing');
    });
    const port = await listening(t, server as Server);
    const caBundle = Buffer.from(caPem).toString('base64');
    const entry = { name: 'peers', url: `https://127.0.0.1:${port}/`, caBundle };
    const world = { webhook: { entries: [entry] } } as unknown as World;
    assert.match((await preflightWebhook(world, 'stellar-peers'))?.detail ?? '', problem);
  });
}
