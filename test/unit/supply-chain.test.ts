/** What comes from others into a replica and its image: pinned, few, under licences that we may ship, and told. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { directDependencies, productionPackages } from '../../scripts/packages.ts';
import { billOfMaterials, licenceTexts } from '../../scripts/sbom.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const packages = productionPackages();
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

  it('run nothing when they are installed', () => {
    assert.deepEqual(named(packages.filter(({ pin }) => pin.hasInstallScript)), []);
  });

  it('are few: a further one is a decision', () => {
    assert.equal(Object.keys(directDependencies()).length, 10);
    assert.ok(packages.length <= 126, `${packages.length} packages`);
  });

  it('are under licences that let us ship them', () => {
    const allowed = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', '0BSD'];
    // One of two that may be chosen; dedicated to the public; Python's own, which asks for its text and no more.
    const looked = ['node-forge (BSD-3-Clause OR GPL-2.0)', 'stream-buffers Unlicense', 'argparse PSF-2.0'];
    const odd = packages
      .filter(({ licence }) => !allowed.includes(licence))
      .map(({ name, licence }) => `${name} ${licence}`);
    assert.deepEqual(odd.sort(), looked.sort());
  });

  it('stand in the bill of materials, each with its sum, and the bill is the same each time', () => {
    const text = billOfMaterials();
    assert.equal(text, billOfMaterials());
    const { bomFormat, metadata, components } = JSON.parse(text) as {
      bomFormat: string;
      metadata: { component: { name: string } };
      components: Array<{ name: string; version: string; hashes?: unknown[] }>;
    };
    assert.deepEqual([bomFormat, metadata.component.name], ['CycloneDX', 'stellar-peers']);
    assert.deepEqual(
      components.map(({ name, version }) => `${name}@${version}`).sort(),
      named(packages).sort(),
    );
    assert.ok(components.every(({ hashes }) => hashes?.length === 1));
  });

  it('come with their licences', () => {
    const texts = licenceTexts();
    for (const { name, version, licence } of packages)
      assert.ok(texts.includes(`\n${name} ${version} (${licence})\n`));
    const without = packages.filter(({ text }) => text === '');
    assert.ok(without.length <= 8, named(without).join(', '));
  });
});

describe('the image', () => {
  const lines = read('Dockerfile')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const [build = [], final = []] = lines
    .join('\n')
    .split(/^(?=FROM )/m)
    .slice(1)
    .map((stage) => stage.trim().split('\n'));
  const args = Object.fromEntries(
    lines.filter((line) => line.startsWith('ARG ')).map((line) => line.slice(4).split('=', 2)),
  ) as Record<string, string>;

  it('is built in two stages, on bases that are named in full', () => {
    assert.deepEqual([build[0], final[0]], [`FROM $${'{BUILD}'} AS build`, `FROM $${'{BASE}'}`]);
    assert.match(args.BUILD ?? '', /^docker\.io\/library\/node:24\.\d+\.\d+-bookworm$/);
    assert.equal(args.BASE, 'gcr.io/distroless/nodejs24-debian12:nonroot');
  });

  it('is built by the lock file, and nothing that is downloaded runs', () => {
    assert.ok(build.includes('RUN ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]'));
  });

  it('runs the bundle as an unprivileged user, without a shell', () => {
    assert.ok(final.includes('USER 65532:65532'));
    assert.ok(
      final.includes(
        'ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=4", "--max-old-space-size-percentage=50", "dist/stellar-peers.mjs"]',
      ),
    );
    assert.ok(final.includes('CMD ["run"]'));
    const commands = lines.filter((line) => /^(RUN|CMD|ENTRYPOINT|HEALTHCHECK) /.test(line));
    for (const line of commands) assert.ok(Array.isArray(JSON.parse(line.replace(/^\w+ /, ''))), line);
    assert.deepEqual(
      final.filter((line) => /^(RUN|ADD|SHELL|ENV|EXPOSE|VOLUME) /.test(line)),
      [],
    );
  });

  it('is run by the manifests as the user that it has', () => {
    const { spec } = parse(read('manifests/base/deployment.yaml')) as {
      spec: { template: { spec: { securityContext: { runAsNonRoot: boolean; runAsUser?: number } } } };
    };
    const { runAsNonRoot, runAsUser } = spec.template.spec.securityContext;
    assert.deepEqual([runAsNonRoot, runAsUser], [true, undefined]);
    // By number: of a name the kubelet cannot tell that it is not root.
    assert.ok(final.some((line) => /^USER [1-9]\d*:[1-9]\d*$/.test(line)));
  });

  it('takes in nothing of a working tree but sources: no keys, no tests, no history', () => {
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
