/** Packages and files of others in a replica and its image: pinned, few, listed, and under licences that we may ship. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bundle } from '../../scripts/bundle.ts';
import { RUN } from '../../scripts/image/oci.ts';
import { ARCHITECTURES, NODE_VERSION, SOURCES } from '../../scripts/image/sources.ts';
import { bundledPackages, directDependencies, productionPackages } from '../../scripts/packages.ts';
import { billOfMaterials, licenceTexts } from '../../scripts/sbom.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const packages = productionPackages();
const bundled = await bundledPackages();
const named = (found: typeof packages): string[] => found.map(({ name, version }) => `${name}@${version}`);

describe('the packages of a replica', () => {
  it('are pinned: an exact version in package.json, an integrity sum in package-lock.json', () => {
    const loose = Object.entries(directDependencies()).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
    );
    assert.deepEqual(loose, []);
    const exact = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
    const unpinned = packages.filter(
      ({ version, pin }) => !/^sha512-[\w+/]{86}==$/.test(pin.integrity ?? '') || !exact.test(version),
    );
    assert.deepEqual(named(unpinned), []);
  });

  it('are those of the lock file', () => {
    assert.deepEqual(named(packages.filter(({ version, pin }) => pin.version !== version)), []);
    const names = new Set(packages.map(({ name }) => name));
    assert.ok(Object.keys(directDependencies()).every((name) => names.has(name)));
  });

  it('run no script when they are installed', () => {
    assert.deepEqual(named(packages.filter(({ pin }) => pin.hasInstallScript)), []);
  });

  it('are few, and a further package needs a decision', () => {
    assert.equal(Object.keys(directDependencies()).length, 10);
    assert.ok(packages.length <= 126, `${packages.length} packages`);
  });

  it('are under licences that let us ship them', () => {
    const allowed = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', '0BSD'];
    // A choice of two licences; a dedication to the public domain; the licence of Python, which only requires its text.
    const looked = ['node-forge (BSD-3-Clause OR GPL-2.0)', 'stream-buffers Unlicense', 'argparse PSF-2.0'];
    const odd = packages
      .filter(({ licence }) => !allowed.includes(licence))
      .map(({ name, licence }) => `${name} ${licence}`);
    assert.deepEqual(odd.sort(), looked.sort());
  });

  it('that are in the bundle are those that its source map names, and fewer than are installed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bundled-'));
    await bundle(join(folder, 'one.mjs'));
    const { sources } = JSON.parse(readFileSync(join(folder, 'one.mjs.map'), 'utf8')) as {
      sources: string[];
    };
    rmSync(folder, { recursive: true });
    const inMap = sources.flatMap(
      (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)(?!.*node_modules)/.exec(path)?.[1] ?? [],
    );
    assert.deepEqual([...new Set(bundled.map(({ name }) => name))].sort(), [...new Set(inMap)].sort());
    assert.ok(bundled.length < packages.length);
  });

  it('are in the bill of materials, each with its checksum, and the bill is always the same', async () => {
    const text = billOfMaterials(bundled);
    assert.equal(text, billOfMaterials(await bundledPackages()));
    const { bomFormat, metadata, components } = JSON.parse(text) as {
      bomFormat: string;
      metadata: { component: { name: string } };
      components: Array<{ name: string; version: string; hashes?: unknown[] }>;
    };
    assert.deepEqual([bomFormat, metadata.component.name], ['CycloneDX', 'stellar-peers']);
    assert.deepEqual(
      components.map(({ name, version }) => `${name}@${version}`).sort(),
      named(bundled).sort(),
    );
    assert.ok(components.every(({ hashes }) => hashes?.length === 1));
  });

  it('come with their licences', () => {
    const texts = licenceTexts(bundled);
    for (const { name, version, licence } of bundled)
      assert.ok(texts.includes(`\n${name} ${version} (${licence})\n`));
    const without = bundled.filter(({ text }) => text === '');
    assert.ok(without.length <= 8, named(without).join(', '));
  });
});

describe('the image', () => {
  const lines = read('Dockerfile')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const { engines, devDependencies } = JSON.parse(read('package.json')) as {
    engines: { node: string };
    devDependencies: { node: string };
  };

  it('has no base image, and only files that make image writes', () => {
    assert.deepEqual(lines.slice(0, 3), [
      'FROM scratch',
      'ARG TARGETARCH=amd64',
      `COPY dist/image-root/$${'{TARGETARCH}'}/ /`,
    ]);
    const others = lines.filter((line) => /^(RUN|ADD|COPY|FROM|SHELL|ENV|EXPOSE|VOLUME) /.test(line));
    assert.equal(others.length, 2);
  });

  it('has the Node of the tests, and each download is pinned by a checksum', () => {
    assert.equal(NODE_VERSION, devDependencies.node);
    assert.ok(Number(NODE_VERSION.split('.')[0]) >= Number(/\d+/.exec(engines.node)?.[0]));
    assert.deepEqual(ARCHITECTURES, ['amd64', 'arm64']);
    for (const { node, debian } of Object.values(SOURCES)) {
      assert.match(node.integrity, /^sha512-[\w+/]{86}==$/);
      for (const { name, sha256 } of debian) assert.match(sha256, /^[0-9a-f]{64}$/, name);
    }
  });

  it('runs the bundle as an unprivileged user, without a shell, both by the Dockerfile and by the layout', () => {
    const said = (word: string): string =>
      lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? '';
    assert.deepEqual(
      [said('USER'), said('WORKDIR'), JSON.parse(said('ENTRYPOINT')), JSON.parse(said('CMD'))],
      [RUN.User, RUN.WorkingDir, RUN.Entrypoint, RUN.Cmd],
    );
    assert.equal(RUN.User, '65532:65532');
    assert.deepEqual(RUN.Entrypoint, [
      '/nodejs/bin/node',
      '--max-semi-space-size=4',
      '--max-old-space-size-percentage=50',
      'dist/stellar-peers.mjs',
    ]);
  });

  it('takes from a working tree only the files of the product: no keys, no tests, no history', () => {
    const [first, ...taken] = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    assert.equal(first, '*');
    assert.ok(taken.every((line) => line.startsWith('!')));
    const files = taken.map((line) => line.slice(1));
    for (const never of ['.git/', 'test/', 'node_modules/', '.cache/', '.run/', 'dist/', 'examples/']) {
      assert.ok(!files.includes(never), never);
    }
  });
});
