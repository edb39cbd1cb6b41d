/**
 * What `stellar-peers preview` prints, without a cluster.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { lineDiff } from '../../../webhook/preview/line-diff.ts';
import { PreviewError, previews, renderPreview } from '../../../webhook/preview/preview.ts';
import { pod, statefulSet } from '../world.ts';

/** The text that a person reads. */
const preview = (...args: Parameters<typeof previews>): string =>
  previews(...args)
    .map(renderPreview)
    .join('\n');

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

test('a preview says if the container would not read the merged file, or if that depends on the image', () => {
  const operator = golden('operator');
  assert.match(
    preview(operator),
    /its image must start stellar-core with --conf \/config\/stellar-core\.cfg/,
  );
  const started = (file: string) =>
    preview(
      operator.replace('      readinessProbe:', `      args: [run, --conf, ${file}]\n      readinessProbe:`),
    );
  assert.match(started('/etc/other.cfg'), /does not read \/config\/stellar-core\.cfg/);
  assert.doesNotMatch(started('/config/stellar-core.cfg'), /does not read|must start/);
});

test('a StatefulSet is previewed by its template', () => {
  const text = preview(`---\nkind: Service\n---\n${yamlOf('StatefulSet', statefulSet('v7'))}`);
  assert.match(text, /^StatefulSet stellar\/v7, pod of validator v7: it would be injected/);
  assert.match(text, /v7\.peers\.txt/);
});

test('a preview says why a pod would not be injected', () => {
  assert.match(
    preview(golden('foreign-volume')),
    /would not be injected\.\nThe pod already uses a name or path that we need.*\(volume stellar-peers\)\.\n$/,
  );
  assert.match(preview(golden('opted-out')), /would not be injected\.\nInjection is disabled/);
  assert.match(
    preview(golden('env-taken')),
    /would be injected\.\nThe container sets KNOWN_PEERS_FILE itself/,
  );
});

test('the validator’s name comes from --node, the owner or the instance label', () => {
  const bare = { metadata: { name: 'p' }, spec: { containers: [{ name: 'stellar-node' }] } };
  assert.match(preview(yamlOf('Pod', bare), { node: 'given' }), /pod of validator given/);
  const asked = { ...bare, metadata: { labels: { 'stellar.org/node-type': 'Validator' } } };
  assert.throws(() => preview(yamlOf('Pod', asked)), PreviewError);
  const labelled = { ...bare, metadata: { labels: { 'app.kubernetes.io/instance': 'labelled' } } };
  assert.match(preview(yamlOf('Pod', labelled)), /^Pod, pod of validator labelled/);
  assert.match(preview(yamlOf('Pod', pod('v1', { injected: false }))), /pod of validator v1/);
});

test('a pod without the label would not be injected, because the API server never asks us about it', () => {
  const bare = { metadata: { name: 'p' }, spec: { containers: [{ name: 'core' }] } };
  const text = preview(yamlOf('Pod', bare), { node: 'v1' });
  assert.equal(
    text,
    'Pod p, pod of validator v1: it would not be injected, since without the label ' +
      'stellar.org/node-type=Validator we are never asked about it.\n',
  );
  assert.deepEqual(previews(yamlOf('Pod', bare), { node: 'v1' })[0]?.patch, []);
});

test('all StatefulSets of a List are previewed, as kubectl get prints them', () => {
  const items = ['v1', 'v2'].map((name) => ({ kind: 'StatefulSet', ...statefulSet(name) }));
  const text = preview(yamlOf('List', { items: [...items, { kind: 'Service' }] }));
  assert.match(text, /^StatefulSet stellar\/v1, [\s\S]*^StatefulSet stellar\/v2, /m);
});

test('a pod of another program does not stop the preview of the other pods in a List', () => {
  const other = {
    kind: 'Pod',
    metadata: { name: 'database-0' },
    spec: { containers: [{ name: 'postgres' }] },
  };
  const items = [other, { kind: 'StatefulSet', ...statefulSet('v1') }];
  const text = preview(yamlOf('List', { items }));
  assert.match(
    text,
    /^Pod database-0: it would not be injected, since without .*\n\nStatefulSet stellar\/v1, /,
  );
});

test('the merge script is folded to one line', () => {
  const text = preview(golden('operator'));
  assert.match(text, /^\+ .*\d+ lines; -o yaml shows them/m);
  assert.ok(text.split('\n').length < 150, text);
});

test('a StellarNode is refused with the command that shows its StatefulSet, and too many aliases with a sentence', () => {
  const node = yamlOf('StellarNode', { metadata: { name: 'v1', namespace: 'stellar' } });
  assert.throws(
    () => previews(node),
    /operator.*: kubectl -n stellar get sts v1 -o yaml \| stellar-peers preview -f -$/,
  );
  assert.throws(() => previews(yamlOf('StellarNode', { metadata: {} })), /get sts NAME -o yaml/);
  const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefg'
    .split('')
    .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdef'[index]}`).join(', ')}]`)
    .join('\n')}\n`;
  assert.throws(
    () => previews(bomb),
    (error) => error instanceof PreviewError && /aliases/.test(error.message),
  );
});

test('a text that cannot be previewed is refused with a sentence', () => {
  for (const text of ['', 'kind: Service', 'a: [', 'just text']) {
    assert.throws(
      () => previews(text),
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
