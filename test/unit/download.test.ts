/**
 * Release downloads of setup against a server on loopback: used where their checksum is the published one, and built
 * otherwise. What builds here is a stand-in for Go that only says so.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';

interface Binary {
  readonly name: string;
  readonly release?: { readonly url: string; readonly sums: string; readonly member?: string };
}
interface Kit {
  readonly binaries: readonly Binary[];
}

/** Plain JavaScript, since setup runs before there is a Node that runs TypeScript. */
const load = (name: string): Promise<unknown> =>
  import(new URL(`../../scripts/setup/${name}`, import.meta.url).href);
const { CONTROL_PLANE, HELM } = (await load('places.mjs')) as { CONTROL_PLANE: Kit; HELM: Kit };
const { publishedSum } = (await load('download.mjs')) as {
  publishedSum(text: string, file: string): string | undefined;
};

const ROOT = join(import.meta.dirname, '../..');

/** A program that prints that version, and where the program comes from. */
const program = (says: string, origin: string): string => `#!/bin/sh\necho '${says}' # ${origin}\n`;

/** A stand-in for Go: a build writes a program for each requested package. */
const GO = `#!/bin/sh
case "$1" in
  version) echo 'go version go1.26.0 linux/amd64' ;;
  env) echo "{\\"GOCACHE\\":\\"$HOME\\",\\"GOMODCACHE\\":\\"$HOME\\"}" ;;
  build)
    folder=
    for word in "$@"; do
      case "$word" in
        */) folder=$word ;;
        */v[0-9]*|*/cmd/*)
          name=$(basename "$(echo "$word" | sed 's|/v[0-9]*$||')")
          printf '#!/bin/sh\\n# built\\n' > "$folder$name"; chmod +x "$folder$name" ;;
      esac
    done ;;
esac
`;

const says: Readonly<Record<string, string>> = {
  etcd: 'etcd Version: 3.7.3',
  helm: 'v4.3.1',
};
const saidBy = (name: string): string => says[name] ?? 'Kubernetes v1.37.2';

describe('setup with DOWNLOAD_BASE', () => {
  let scratch: string;
  let server: Server;
  let base: string;
  let files: Map<string, Buffer>;
  let handler: RequestListener;
  let count = 0;

  /** Puts a release on the server: the program, packed where releases are, and its checksum. */
  function publish({ name, release }: Binary, text?: string): void {
    if (release === undefined) return;
    const folder = mkdtempSync(join(scratch, 'pack-'));
    const path = join(folder, release.member ?? name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text ?? program(saidBy(name), 'downloaded'), { mode: 0o755 });
    const content = release.member
      ? execFileSync('tar', ['-czf', '-', '-C', folder, release.member])
      : readFileSync(path);
    const at = (url: string) => url.replace('https:/', '');
    files.set(at(release.url), content);
    const sum = createHash('sha256').update(content).digest('hex');
    const named = `${sum}  ${release.url.split('/').at(-1)}\n${'0'.repeat(64)}  another\n`;
    files.set(at(release.sums), Buffer.from(release.member ? named : sum));
  }
  const publishAll = () => {
    for (const binary of [...CONTROL_PLANE.binaries, ...HELM.binaries]) publish(binary);
  };

  /** The output of setup, and where each program comes from, with an empty cache. */
  async function setup(kit: 'CONTROL_PLANE' | 'HELM', downloadBase = base) {
    count += 1;
    const cache = join(scratch, `cache-${count}`);
    const env = {
      PATH: `${join(scratch, 'bin')}:/usr/bin:/bin`,
      HOME: scratch,
      STELLAR_PEERS_CACHE: cache,
      DOWNLOAD_BASE: downloadBase,
    };
    const code = `
      const { obtain } = await import('./scripts/setup/kits.mjs');
      const places = await import('./scripts/setup/places.mjs');
      await obtain(places.${kit});`;
    const said = await new Promise<string>((resolve, reject) => {
      const args = ['--input-type=module', '--eval', code];
      execFile(process.execPath, args, { cwd: scratch, env }, (error, stdout, stderr) =>
        error ? reject(error) : resolve(stdout + stderr),
      );
    });
    const { binaries } = kit === 'HELM' ? HELM : CONTROL_PLANE;
    const origins = binaries.map(({ name }) => {
      const text = readFileSync(join(scratch, '.cache/bin', name), 'utf8');
      return [name, text.includes('# downloaded') ? 'downloaded' : text.includes('# built') ? 'built' : text];
    });
    return { said, origins: Object.fromEntries(origins) as Record<string, string> };
  }

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'stellar-peers-download-'));
    cpSync(join(ROOT, 'scripts/setup'), join(scratch, 'scripts/setup'), { recursive: true });
    for (const kit of ['helm', 'controlplane', 'oldest'])
      cpSync(join(ROOT, 'test', kit), join(scratch, 'test', kit), { recursive: true });
    mkdirSync(join(scratch, 'bin'));
    writeFileSync(join(scratch, 'bin/go'), GO, { mode: 0o755 });
    server = createServer((request, response) => handler(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(scratch, { recursive: true });
  });
  beforeEach(() => {
    files = new Map();
    handler = ({ url = '' }, response) => {
      const file = files.get(url);
      response.writeHead(file ? 200 : 404).end(file);
    };
  });

  it('downloads programs with a published checksum, and builds the others', async () => {
    publishAll();
    const { said, origins } = await setup('CONTROL_PLANE');
    const { kwok, ...others } = origins;
    assert.deepEqual([...new Set(Object.values(others))], ['downloaded'], said);
    assert.equal(kwok, 'built');
    assert.match(said, /^setup: etcd: downloaded from http\S+, its checksum is the published one$/m);
    const helm = await setup('HELM');
    assert.deepEqual(helm.origins, { helm: 'downloaded' }, helm.said);
  });

  it('builds a program if the checksum of its file differs, and prints both checksums', async () => {
    publishAll();
    const kubectl = CONTROL_PLANE.binaries.find(({ name }) => name === 'kubectl');
    const path = kubectl?.release?.url.replace('https:/', '') ?? '';
    const tampered = Buffer.from(program('Kubernetes v1.37.2', 'tampered'));
    files.set(path, tampered);
    const { said, origins } = await setup('CONTROL_PLANE');
    assert.equal(origins.kubectl, 'built');
    assert.equal(origins.etcd, 'downloaded');
    const sum = createHash('sha256').update(tampered).digest('hex');
    assert.match(
      said,
      new RegExp(`kubectl: not downloaded \\(.*has the checksum ${sum}, published is [0-9a-f]{64}\\)`),
    );
  });

  it('builds a program whose file has no checksum beside it', async () => {
    publishAll();
    const sums = HELM.binaries[0]?.release?.sums.replace('https:/', '') ?? '';
    files.set(sums, Buffer.from(`${'0'.repeat(64)}  another\n`));
    const { said, origins } = await setup('HELM');
    assert.deepEqual(origins, { helm: 'built' });
    assert.match(said, /helm: not downloaded \(\S+ has no checksum of helm-\S+\); it is built instead/);
  });

  it('builds a program if the downloaded one reports another version', async () => {
    publishAll();
    for (const binary of HELM.binaries) publish(binary, program('v3.9.0', 'downloaded'));
    const { said, origins } = await setup('HELM');
    assert.deepEqual(origins, { helm: 'built' });
    assert.match(said, /not downloaded \(its version is v3\.9\.0\)/);
  });

  it('builds a program that the server does not have', async () => {
    const { said, origins } = await setup('HELM');
    assert.deepEqual(origins, { helm: 'built' });
    assert.match(said, /not downloaded \(\S+: status 404\); it is built instead/);
  });

  it('builds if no server listens, and if a server listens and never answers', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, 'close');
    const silent = await setup('HELM', `http://127.0.0.1:${port}`);
    assert.deepEqual(silent.origins, { helm: 'built' });
    assert.match(silent.said, /not downloaded \(\S+: .*\); it is built instead/);
    handler = () => {};
    const mute = await setup('HELM');
    assert.deepEqual(mute.origins, { helm: 'built' });
    assert.match(mute.said, /not downloaded \(\S+: nothing came for 5 s\); it is built instead/);
  });

  it('asks no server if set to `none`', async () => {
    let asked = 0;
    handler = (_, response) => {
      asked += 1;
      response.end();
    };
    const { said, origins } = await setup('HELM', 'none');
    assert.deepEqual(origins, { helm: 'built' });
    assert.ok(!said.includes('download'), said);
    assert.equal(asked, 0);
  });
});

describe('a published checksum', () => {
  const sum = (digit: string) => digit.repeat(64);
  it('is the one beside the name of the file, in either form of a list, or the only one', () => {
    const list = `${sum('1')}  one.tar.gz\n${sum('2')} *two.tar.gz\n${sum('3')}  folder/three.tar.gz\n`;
    assert.equal(publishedSum(list, 'one.tar.gz'), sum('1'));
    assert.equal(publishedSum(list, 'two.tar.gz'), sum('2'));
    assert.equal(publishedSum(list, 'three.tar.gz'), sum('3'));
    assert.equal(publishedSum(`${sum('4')}\n`, 'any'), sum('4'));
  });
  it('is not found for another file, or in an unrelated page', () => {
    assert.equal(publishedSum(`${sum('1')}  one.tar.gz\n`, 'tar.gz'), undefined);
    assert.equal(publishedSum(`<html>${sum('1')}</html>`, 'one.tar.gz'), undefined);
    assert.equal(publishedSum('', 'one.tar.gz'), undefined);
  });
});
