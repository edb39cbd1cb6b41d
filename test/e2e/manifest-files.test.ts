/** The rendered files of `make manifests`: they are reproducible, complete, and have the given image. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { installations, rendered, writeManifests } from '../../scripts/manifests.ts';

const MANIFESTS = join(import.meta.dirname, '../../manifests');

/** Writes the manifests; the content of each written file, by file name. */
function written(options: Parameters<typeof writeManifests>[1] = {}): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-manifests-'));
  try {
    writeManifests(folder, options);
    return Object.fromEntries(
      readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const imagesIn = (yaml: string): unknown[] =>
  parseAllDocuments(yaml)
    .map((document) => document.toJS())
    .filter(({ kind }) => kind === 'Deployment')
    .flatMap(({ spec }) => spec.template.spec.containers.map(({ image }: { image: string }) => image));

describe('the rendered manifests', () => {
  it('are one file for each folder of manifests', () => {
    assert.deepEqual(
      Object.values(installations()).sort(),
      readdirSync(MANIFESTS)
        .filter((folder) => folder !== 'chart')
        .sort(),
    );
    const files = Object.keys(written());
    assert.deepEqual(files.sort(), Object.keys(installations()).sort());
    for (const name of ['install.yaml', 'install-cert-manager.yaml', 'network-policy.yaml'])
      assert.ok(files.includes(name), name);
  });

  it('are the same bytes each time', () => {
    assert.deepEqual(written(), written());
  });

  it('name their version, and contain the output of kustomize', () => {
    const file = written({ version: '1.2.3' })['install.yaml'] ?? '';
    const [head, ...rest] = file.split('\n');
    assert.match(head ?? '', /^# stellar-peers 1\.2\.3: /);
    assert.equal(rest.join('\n'), rendered('base'));
  });

  it('are not written for an image without tag and digest, or for a text that is no image', () => {
    const script = join(MANIFESTS, '../scripts/manifests.ts');
    for (const image of ['two words', 'registry.example.com/One:1', 'registry.example.com:5000/one']) {
      const { status, stderr } = spawnSync(process.execPath, [script, '--image', image], {
        encoding: 'utf8',
      });
      assert.equal(status, 1, image);
      assert.ok(stderr.startsWith(`manifests: IMAGE is "${image}"; it takes one like `), stderr);
    }
  });

  it('run the given image, and differ in nothing else', () => {
    const image = 'registry.example.com:5000/stellar-peers@sha256:0123';
    const given = written({ image });
    for (const name of Object.keys(installations()).filter((file) => file.startsWith('install')))
      assert.deepEqual(imagesIn(given[name] ?? ''), [image], name);
    const lines = (text = '') => text.split('\n');
    const before = lines(written()['install.yaml']);
    const changed = lines(given['install.yaml']).filter((line, index) => line !== before[index]);
    assert.deepEqual(changed, [`        image: ${image}`]);
  });
});
