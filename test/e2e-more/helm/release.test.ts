/** `make release` in a scratch clone: what it refuses, and what it writes. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parse, parseAllDocuments } from 'yaml';
import { archiveName, executableOf, MACHINES, PLUGIN } from '../../../scripts/executables.ts';
import { chartImage } from '../../../scripts/release/chart.ts';
import { changelogSection } from '../../../scripts/release.ts';

const ROOT = join(import.meta.dirname, '../../..');
const { version: VERSION } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
};

const REPOSITORY = 'https://git.example.org/someone/stellar-peers';
const DIGEST = `sha256:${'ab'.repeat(32)}`;
const IMAGE = `registry.example.com/stellar-peers@${DIGEST}`;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('a release', () => {
  let clone: string;
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], {
      cwd: clone,
      encoding: 'utf8',
    });
  const change = (path: string, edit: (text: string) => string) =>
    writeFileSync(join(clone, path), edit(readFileSync(join(clone, path), 'utf8')));
  const commitAll = () => git('commit', '--quiet', '--all', '--allow-empty', '-m', 'change');
  /** Runs the program of `make release`. */
  const release = (...args: readonly string[]): Promise<Outcome> =>
    new Promise((resolve) => {
      const given = ['scripts/release.ts', ...args, '--repository', REPOSITORY];
      execFile(
        process.execPath,
        given,
        { cwd: clone, env: { PATH: process.env.PATH } },
        (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
    });
  const WORKFLOWS = readdirSync(join(ROOT, '.github/workflows')).map((name) => `.github/workflows/${name}`);
  /** Pins actions and images, as a person does who has looked up each digest. */
  const pin = (text: string) =>
    text
      .replaceAll(/(uses: [\w./-]+)@(v\d+).*$/gm, `$1@${'0'.repeat(40)} # $2`)
      .replaceAll(/(image: \S+?)(@\S+)? *#.*$/gm, `$1@sha256:${'0'.repeat(64)}`);
  /** Runs the step of the release workflow whose command matches, as the forge does. */
  const workflowStep = async (command: RegExp, env: Readonly<Record<string, string>>): Promise<void> => {
    const { jobs } = parse(readFileSync(join(ROOT, '.github/workflows/release.yml'), 'utf8')) as {
      jobs: Record<string, { steps?: Array<{ run?: string }> }>;
    };
    const runs = Object.values(jobs).flatMap(({ steps = [] }) => steps.map(({ run = '' }) => run));
    const [run = '', ...others] = runs.filter((each) => command.test(each));
    assert.deepEqual([run === '', others], [false, []]);
    const environment = { PATH: process.env.PATH, HOME: process.env.HOME, ...env };
    await promisify(execFile)('bash', ['-e', '-c', run], { cwd: clone, env: environment });
  };
  const made = (name: string) => join(clone, 'dist/release', name);

  before(() => {
    clone = mkdtempSync(join(tmpdir(), 'stellar-peers-release-'));
    const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    for (const file of files.split('\n').filter((each) => each !== '' && existsSync(join(ROOT, each)))) {
      mkdirSync(dirname(join(clone, file)), { recursive: true });
      copyFileSync(join(ROOT, file), join(clone, file));
    }
    git('init', '--quiet');
    writeFileSync(join(clone, '.git/info/exclude'), 'node_modules\n.cache\n');
    symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
    symlinkSync(join(ROOT, '.cache'), join(clone, '.cache'));
    for (const workflow of WORKFLOWS) change(workflow, pin);
    // A changelog with an unreleased section, independent of our own.
    change('CHANGELOG.md', () => '# Changelog\n\n## Unreleased\n\n### Features\n\n- One thing.\n');
    git('add', '--all');
    commitAll();
  });
  after(() => rmSync(clone, { recursive: true, force: true }));

  it('is refused without a section in the changelog', async () => {
    const { code, stderr } = await release(VERSION);
    assert.equal(code, 1);
    assert.equal(stderr, `release: CHANGELOG.md has no section "## ${VERSION}" with something in it.\n`);
  });

  it('is refused while an action or image has no digest, and names each of these', async () => {
    const [first = ''] = WORKFLOWS;
    const before = readFileSync(join(clone, first), 'utf8');
    change(first, (text) => text.replace(/@0{40} # v4/, '@v4 # digest missing').replace(/@sha256:0{64}/, ''));
    const { code, stderr } = await release(VERSION);
    change(first, () => before);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /ci\.yml has no digest of docker\.io\/library\/debian:trixie, actions\/checkout@v4: /,
    );
  });

  it('is refused without the address at which its files are published', async () => {
    const { code, stderr } = await release(VERSION, '--repository', 'mine', '--');
    assert.equal(code, 1);
    assert.match(stderr, /REPOSITORY is "mine"/);
  });

  it('is refused with a version that some files do not have, and names these files', async () => {
    const { code, stderr } = await release('9.9.9');
    assert.equal(code, 1);
    const named = [...stderr.matchAll(/^release: (\S+) says \S+, not 9\.9\.9\.$/gm)].map(([, path]) => path);
    assert.deepEqual([...new Set(named)].sort(), [
      'README.md',
      'manifests/base/kustomization.yaml',
      'manifests/chart/Chart.yaml',
      'package-lock.json',
      'package.json',
    ]);
  });

  it('is refused without a version', async () => {
    const { code, stderr } = await release();
    assert.equal(code, 1);
    assert.match(stderr, /make release VERSION=1\.2\.3/);
  });

  it('is refused with changes that are not committed', async () => {
    change('CHANGELOG.md', (text) =>
      text.replace('## Unreleased', `## Unreleased\n\n## ${VERSION} (2026-12-01)`),
    );
    const { code, stderr } = await release(VERSION);
    assert.equal(code, 1);
    assert.match(stderr, /not committed:\n *M CHANGELOG\.md/);
    assert.ok(!existsSync(made('')));
  });

  it('writes the bundle, the manifests, the bill of materials, the notes and their checksums', async () => {
    commitAll();
    const { code, stderr } = await release(VERSION, '--image', IMAGE);
    assert.equal(code, 0, stderr);
    const names = readdirSync(made(''));
    const wanted = [
      'RELEASE_NOTES.md',
      'SHA256SUMS',
      'install-cert-manager.yaml',
      'install-namespaced.yaml',
      'install.yaml',
      'licences.txt',
      'network-policy.yaml',
      `stellar-peers-${VERSION}.tgz`,
      `stellar-peers-command-${VERSION}.tgz`,
      'stellar-peers.cdx.json',
      'stellar-peers.mjs',
      'stellar-peers.mjs.map',
    ];
    for (const name of wanted) assert.ok(names.includes(name), `${name} of ${names}`);
    assert.match(readFileSync(made('install.yaml'), 'utf8'), new RegExp(`image: ${IMAGE}$`, 'm'));
    assert.equal(git('status', '--porcelain'), '');
  });

  it('has the section of the changelog as notes, and checksums of all other files', () => {
    assert.equal(
      readFileSync(made('RELEASE_NOTES.md'), 'utf8'),
      `# stellar-peers ${VERSION}\n\n### Features\n\n- One thing.\n`,
    );
    const sums = Object.fromEntries(
      readFileSync(made('SHA256SUMS'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split('  ').reverse()),
    ) as Record<string, string>;
    const names = readdirSync(made('')).filter((name) => name !== 'SHA256SUMS');
    assert.deepEqual(Object.keys(sums).sort(), names.sort());
    for (const name of names)
      assert.equal(
        sums[name],
        createHash('sha256')
          .update(readFileSync(made(name)))
          .digest('hex'),
        name,
      );
  });

  it('leads from alerts and dashboard to the pages of this version', () => {
    const text = readFileSync(made('monitoring.yaml'), 'utf8');
    const documents = `${REPOSITORY}/blob/v${VERSION}/docs`;
    assert.ok(text.includes(`runbook_url: ${documents}/runbook.md#`));
    assert.doesNotMatch(text, /runbook_url: docs|git\.example\.com/);
  });

  it('has a chart that installs the same image, and says where it comes from', () => {
    const chart = made(`stellar-peers-${VERSION}.tgz`);
    const helm = (...args: readonly string[]) =>
      execFileSync(join(ROOT, '.cache/bin/helm'), args, { encoding: 'utf8', env: { HOME: clone } });
    assert.ok(helm('template', 'one', chart).includes(`image: "${IMAGE}"`));
    assert.doesNotMatch(helm('show', 'readme', chart), /\.\.\/\.\./);
    const { home, sources, annotations } = parse(helm('show', 'chart', chart));
    assert.deepEqual([home, sources], [REPOSITORY, [REPOSITORY]]);
    assert.deepEqual(parse(annotations['artifacthub.io/images']), [{ name: 'stellar-peers', image: IMAGE }]);
  });

  it('has a command that npm installs from the file, for the oldest Node that is promised', () => {
    const folder = join(clone, 'dist/installed');
    const archive = made(`stellar-peers-command-${VERSION}.tgz`);
    const flags = ['--prefix', folder, '--global', '--offline', '--no-audit', '--no-fund'];
    execFileSync('npm', ['install', ...flags, archive], { stdio: 'pipe', cwd: clone });
    const said = execFileSync(join(folder, 'bin', PLUGIN), ['--version'], { encoding: 'utf8' });
    assert.equal(said.trim(), VERSION);
    const { engines, repository } = parse(
      execFileSync('tar', ['-xOzf', archive, 'package/package.json'], { encoding: 'utf8' }),
    );
    assert.deepEqual([engines.node, repository], ['>=24.12', `git+${REPOSITORY}.git`]);
    rmSync(folder, { recursive: true });
  });

  it('has executables, and a manifest for krew with their names and checksums', async () => {
    // The content of the executables is tested below. Here they are only moved.
    mkdirSync(join(clone, 'dist/executables'), { recursive: true });
    for (const machine of MACHINES)
      writeFileSync(
        join(clone, 'dist/executables', archiveName(VERSION, machine)),
        `${machine.os} ${machine.arch}`,
      );
    mkdirSync(join(clone, 'dist/image'), { recursive: true });
    writeFileSync(join(clone, 'dist/image/index.json'), JSON.stringify({ manifests: [{ digest: DIGEST }] }));
    const output = join(clone, 'dist/output');
    await workflowStep(/digest\.ts/, { GITHUB_OUTPUT: output });
    const found = readFileSync(output, 'utf8').trim();
    assert.equal(found, `digest=${DIGEST}`);
    // The variables of the forge, for a fork whose owner has capitals in the name.
    await workflowStep(/^make release/, {
      ...{ CI: 'true', VERSION: `v${VERSION}`, REPOSITORY, DIGEST: found.replace('digest=', '') },
      ...{ REGISTRY: 'registry.example.com', OWNER_AND_NAME: 'Stellar-Peers' },
    });
    await workflowStep(/^cd dist\/release/, {});
    assert.match(readFileSync(made('install.yaml'), 'utf8'), new RegExp(`image: ${IMAGE}$`, 'm'));
    const { spec, metadata } = parse(readFileSync(made('krew.yaml'), 'utf8'));
    assert.deepEqual(
      [metadata.name, spec.version, spec.homepage],
      ['stellar-peers', `v${VERSION}`, REPOSITORY],
    );
    assert.equal(spec.platforms.length, 4);
    for (const { uri, sha256, bin } of spec.platforms) {
      const name = uri.replace(`${REPOSITORY}/releases/download/v${VERSION}/`, '');
      assert.equal(
        sha256,
        createHash('sha256')
          .update(readFileSync(made(name)))
          .digest('hex'),
      );
      assert.equal(bin, PLUGIN);
    }
    for (const name of readdirSync(made('')).filter((each) => each.endsWith('.yaml')))
      for (const { errors } of parseAllDocuments(readFileSync(made(name), 'utf8')))
        assert.deepEqual(errors, [], name);
  });

  it('has an executable in one file, which needs no Node and ignores NODE_OPTIONS', () => {
    const program = join(clone, 'dist', PLUGIN);
    writeFileSync(program, executableOf(made('stellar-peers.mjs'), process.execPath, 'linux'), {
      mode: 0o755,
    });
    const env = { PATH: '/nowhere', NODE_OPTIONS: '--no-such-option' };
    assert.equal(execFileSync(program, ['--version'], { encoding: 'utf8', env }).trim(), VERSION);
  });

  it('has a bundle that runs by itself', async () => {
    const help = await new Promise<string>((resolve) => {
      execFile(process.execPath, [made('stellar-peers.mjs'), '--help'], (_, stdout) => resolve(stdout));
    });
    assert.match(help, /stellar-peers status/);
  });
});

describe('the section of a version', () => {
  const text =
    '# Changelog\n\n## Unreleased\n\n## 1.0.10 (2026-12-02)\n\nTen.\n\n## [1.0.1] - 2026-12-01\n\nOne.\n\n## 1.0.0\n';
  it('is that of this version, and not of a version whose number begins with the same digits', () => {
    assert.equal(changelogSection(text, '1.0.1'), 'One.');
    assert.equal(changelogSection(text, '1.0.10'), 'Ten.');
  });
  it('is missing if it is empty, or if there is no such version', () => {
    assert.equal(changelogSection(text, '1.0.0'), undefined);
    assert.equal(changelogSection(text, '1.0'), undefined);
    assert.equal(changelogSection(text, '2.0.0'), undefined);
  });
});

describe('the image in the packaged chart', () => {
  const values = readFileSync(join(ROOT, 'manifests/chart/values.yaml'), 'utf8');
  const digest = `sha256:${'ab'.repeat(32)}`;
  for (const [image, wanted] of [
    [
      'registry.example.com:5000/a/b:1.2.3',
      { repository: 'registry.example.com:5000/a/b', tag: '1.2.3', digest: '' },
    ],
    ['registry.example.com:5000/a/b', { repository: 'registry.example.com:5000/a/b', tag: '', digest: '' }],
    [`registry.example.com/a/b@${digest}`, { repository: 'registry.example.com/a/b', tag: '', digest }],
    [`registry.example.com/a/b:1.2.3@${digest}`, { repository: 'registry.example.com/a/b', tag: '', digest }],
  ] as const) {
    it(`is ${image}, and nothing else is changed`, () => {
      const { image: changed, ...rest } = parse(chartImage(values, image));
      const { image: before, ...others } = parse(values);
      assert.deepEqual(changed, { ...before, ...wanted });
      assert.deepEqual(rest, others);
    });
  }
});
