/**
 * How reviews are read, and answers are written.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { answer } from '../../../webhook/review/answer.ts';
import { ReviewError, readReview } from '../../../webhook/review/review.ts';
import { anyText } from '../any-text.ts';

const good = (request: object = {}) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'u1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    operation: 'CREATE',
    namespace: 'stellar',
    name: 'v1-0',
    object: { metadata: { name: 'v1-0' } },
    ...request,
  },
});

const MALFORMED: ReadonlyArray<[string, string, RegExp]> = [
  ['an empty body', '', /not JSON/],
  ['half a body', '{"kind":', /not JSON/],
  ['a list', '[]', /Expected an AdmissionReview/],
  ['null', 'null', /Expected an AdmissionReview/],
  ['another kind', JSON.stringify({ ...good(), kind: 'Pod' }), /found kind "Pod"/],
  ['an older version', JSON.stringify({ ...good(), apiVersion: 'admission.k8s.io/v1beta1' }), /v1beta1/],
  ['no request', JSON.stringify({ ...good(), request: undefined }), /no request.uid/],
  ['no uid', JSON.stringify(good({ uid: undefined })), /no request.uid/],
  ['an empty uid', JSON.stringify(good({ uid: '' })), /no request.uid/],
  ['a uid that is no string', JSON.stringify(good({ uid: 7 })), /no request.uid/],
];

for (const [name, body, expected] of MALFORMED) {
  test(`${name} is refused with one sentence`, () => {
    assert.throws(
      () => readReview(body),
      (error) =>
        error instanceof ReviewError &&
        error.statusCode === 400 &&
        expected.test(error.message) &&
        /^[A-Z][^\n]*\.$/.test(error.message),
    );
  });
}

test('namespace and name come from the request, else from the pod', () => {
  const review = readReview(JSON.stringify(good({ namespace: '', name: undefined })));
  assert.deepEqual([review.namespace, review.name, review.dryRun], ['', 'v1-0', false]);
});

test('the managedFields of a pod, about 3 KB, are not read, and everything else is', () => {
  const managedFields = [{ manager: 'kube', fieldsV1: { 'f:spec': { 'k:{"name":"a]}"}': {} } } }];
  const spec = { containers: [{ name: 'a]}', env: [{ name: 'A', value: '"managedFields":[' }] }] };
  const podOf = (object: object) => readReview(JSON.stringify(good({ object }))).pod;
  assert.deepEqual(podOf({ metadata: { name: 'v1-0', managedFields }, spec }), {
    metadata: { name: 'v1-0', managedFields: [] },
    spec,
  });
});

test('only the creation of a pod itself concerns us', () => {
  const isOurs = (request: object) => readReview(JSON.stringify(good(request))).isPodCreate;
  assert.equal(isOurs({}), true);
  assert.equal(isOurs({ operation: 'UPDATE' }), false);
  assert.equal(isOurs({ kind: { group: 'apps', version: 'v1', kind: 'StatefulSet' } }), false);
  assert.equal(isOurs({ subResource: 'binding' }), false);
});

test('an answer without operations carries no patch', () => {
  assert.deepEqual(JSON.parse(answer('u1', { operations: [], warnings: [] })).response, {
    uid: 'u1',
    allowed: true,
  });
});

test('a patch is the same after encoding and decoding', () => {
  const operations = [{ op: 'add', path: '/metadata/annotations', value: { a: 'ä' } } as const];
  const { response } = JSON.parse(answer('u1', { operations, warnings: [] }));
  const patch = 'patch' in response ? String(response.patch) : '';
  assert.deepEqual(JSON.parse(Buffer.from(patch, 'base64').toString()), operations);
});

test('warnings are single lines of at most 120 printable characters, and their number is limited', () => {
  const warnings = Array.from({ length: 100 }, () => ({
    code: 'UnreadablePod' as const,
    detail: `a\nb\u0007é${'x'.repeat(500)}`,
  }));
  const { response } = JSON.parse(answer('u1', { operations: [], warnings }));
  const shown = 'warnings' in response ? (response.warnings as string[]) : [];
  assert.ok(shown.every((text) => /^stellar-peers: [ -~]{1,120}$/.test(text) && text.length <= 120));
  assert.ok(shown.join('').length <= 4096);
});

test('an answer has the uid of its request, whatever that uid is', () => {
  fc.assert(
    fc.property(anyText({ minLength: 1 }), (uid) => {
      const text = answer(uid, { operations: [], warnings: [] });
      assert.equal(JSON.parse(Buffer.from(text).toString()).response.uid, uid.toWellFormed());
    }),
  );
});
