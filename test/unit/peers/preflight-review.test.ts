/**
 * Which answers prove to the leader that the webhook injects.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPreflight, preflightProblem, preflightReview } from '../../../peers/injection/preflight-review.ts';

const volume = {
  op: 'add',
  path: '/spec/volumes/-',
  value: { name: 'stellar-peers', configMap: { name: 'stellar-peers' } },
};
const mount = {
  op: 'add',
  path: '/spec/containers/1/volumeMounts',
  value: [{ name: 'stellar-peers', mountPath: '/etc/stellar/peers' }],
};
const encode = (operations: unknown) => Buffer.from(JSON.stringify(operations)).toString('base64');
const reply = (response: object) => ({
  response: { uid: 'u', allowed: true, patchType: 'JSONPatch', patch: encode([volume, mount]), ...response },
});

test('an answer that adds volume and mount is accepted', () =>
  assert.equal(preflightProblem(reply({}), 'u'), undefined));

const BAD: ReadonlyArray<[string, unknown, RegExp]> = [
  ['no answer at all', undefined, /uid/],
  ['another uid', reply({ uid: 'x' }), /uid/],
  ['a denial', reply({ allowed: false }), /denies/],
  ['no patch', reply({ patch: undefined, patchType: undefined }), /no JSON Patch/],
  ['a patch that is not JSON', reply({ patch: 'bm9wZQ==' }), /no JSON Patch/],
  ['a patch without the volume', reply({ patch: encode([mount]) }), /no volume/],
  ['a patch without the mount', reply({ patch: encode([volume]) }), /mounts nothing/],
];
for (const [name, answer, expected] of BAD) {
  test(`${name} is a problem`, () => assert.match(preflightProblem(answer, 'u') ?? '', expected));
}

test('the preflight is a dry run with its own pod, in our namespace only', () => {
  const { namespace, name, dryRun } = preflightReview('u', 'ours').request;
  assert.equal(isPreflight({ namespace, name, dryRun }, 'ours'), true);
  assert.equal(isPreflight({ namespace, name, dryRun }, 'theirs'), false);
  assert.equal(isPreflight({ namespace, name, dryRun: false }, 'ours'), false);
  assert.equal(isPreflight({ namespace, name: 'validator-1-0', dryRun }, 'ours'), false);
});
