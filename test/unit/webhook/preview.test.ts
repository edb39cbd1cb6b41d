/**
 * What `stellar-peers preview` says, without any cluster.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { lineDiff } from '../../../webhook/line-diff.ts';
import { PreviewError, preview as previewOf, renderPreview } from '../../../webhook/preview.ts';
import { pod, statefulSet } from '../world.ts';

/** What a person reads. */
const preview = (...args: Parameters<typeof previewOf>): string => renderPreview(previewOf(...args));

const golden = (name: string) =>
  readFileSync(new URL(`../../golden/admission/${name}.input.yaml`, import.meta.url), 'utf8');
const yamlOf = (kind: string, object: object) => stringify({ apiVersion: 'v1', kind, ...object });

test('a pod’s preview shows what would be added, as lines of YAML', () => {
  const text = preview(golden('operator'));
  assert.match(text, /^Pod stellar\/validator-1-0, pod of validator validator-1: it would be injected\.\n/);
  for (const line of [
    '+     stellar.org/peer-hash: e3b0c44298fc1c14',
    '+         - name: KNOWN_PEERS_FILE',
    '+           value: /etc/stellar/peers/peers.txt',
    '+         - name: stellar-peers',
    '+           mountPath: /etc/stellar/peers',
    '+           - key: validator-1.peers.txt',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line}\nis missing in\n${text}`);
  }
  const gone = text.split('\n').filter((line) => line.startsWith('-'));
  assert.deepEqual(gone, ['-         - name: config'], 'of the mount that moves aside, and nothing else');
});

test('a StatefulSet is previewed by its template', () => {
  const text = preview(`---\nkind: Service\n---\n${yamlOf('StatefulSet', statefulSet('v7'))}`);
  assert.match(text, /^StatefulSet stellar\/v7, pod of validator v7: it would be injected/);
  assert.match(text, /v7\.peers\.txt/);
});

test('a pod that would not be injected is told why', () => {
  assert.match(
    preview(golden('foreign-volume')),
    /would not be injected\.\nThe pod itself takes.*\(volume stellar-peers\)\.\n$/,
  );
  assert.match(preview(golden('opted-out')), /would not be injected\.\nInjection is disabled/);
  assert.match(
    preview(golden('env-taken')),
    /would be injected\.\nThe container sets KNOWN_PEERS_FILE itself/,
  );
});

test('the validator’s name comes from --node, the owner or the instance label', () => {
  const bare = { metadata: { name: 'p' }, spec: { containers: [{ name: 'core' }] } };
  assert.match(preview(yamlOf('Pod', bare), { node: 'given' }), /pod of validator given/);
  assert.throws(() => preview(yamlOf('Pod', bare)), PreviewError);
  const labelled = { ...bare, metadata: { labels: { 'app.kubernetes.io/instance': 'labelled' } } };
  assert.match(preview(yamlOf('Pod', labelled)), /^Pod, pod of validator labelled/);
  assert.match(preview(yamlOf('Pod', pod('v1', { injected: false }))), /pod of validator v1/);
});

test('a pod without the label is previewed, and it is said that nobody would ask', () => {
  const bare = { metadata: { name: 'p' }, spec: { containers: [{ name: 'core' }] } };
  assert.match(
    preview(yamlOf('Pod', bare), { node: 'v1' }),
    /Without the label stellar.org\/node-type=Validator/,
  );
});

test('what cannot be previewed is refused with a sentence', () => {
  for (const text of ['', 'kind: Service', 'a: [', 'just text']) {
    assert.throws(
      () => preview(text),
      (error) => error instanceof PreviewError && /\S/.test(error.message),
    );
  }
});

test('a diff keeps every line of both sides in order and shows context only', () => {
  const before = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  const after = before.toSpliced(10, 1, 'new', 'newer');
  const shown = lineDiff(before.join('\n'), after.join('\n')).split('\n');
  assert.deepEqual(shown, [
    '  …',
    ...[
      '  line 7',
      '  line 8',
      '  line 9',
      '+ new',
      '+ newer',
      '- line 10',
      '  line 11',
      '  line 12',
      '  line 13',
    ],
    '  …',
  ]);
});
