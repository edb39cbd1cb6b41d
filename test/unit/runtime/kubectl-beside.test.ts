/** With the same kubeconfig, a server sees the same from our client and from kubectl. Kubectl is tried if it is installed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import dns from 'node:dns';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { createAuthority, issueLeaf } from '../../../certs/authority.ts';
import { createKube } from '../../../runtime/kube/client.ts';
import { loadKubeConfig } from '../../../runtime/kube/kubeconfig.ts';
import { chainOf } from '../certs/chain.ts';
import { hasKubectl, kubectl } from '../stand-ins/kubectl.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { NOW_MS, VALID_NOW } from '../stand-ins/now.ts';
import { listening } from './listening.ts';

const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-beside-'));
after(() => rmSync(folder, { recursive: true }));
const { PATH } = process.env;
const ENV = { HOME: folder, PATH };

const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** A kubeconfig with this cluster and user. */
const kubeconfig = (cluster: object, user: object = { token: 't' }): string =>
  file(
    'kubeconfig',
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x' },
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    }),
  );

type Env = Readonly<Record<string, string | undefined>>;

const configOf = (path: string, env: Env = {}) =>
  loadKubeConfig({ path, env: { ...ENV, ...env }, nowMs: () => NOW_MS });

const trialsOf = (config: ReturnType<typeof configOf>) =>
  createKube(config, { clock: new ManualClock(), timeoutMs: 60_000, userAgent: 'test' });

/** Asks for the version with our client and with kubectl. True for each client that got an answer. */
async function askBoth(path: string, env: Env = {}): Promise<boolean[]> {
  const ours = await trialsOf(configOf(path, env))
    .version()
    .then(() => true)
    .catch(() => false);
  if (!hasKubectl) return [ours, ours];
  const words = [`--kubeconfig=${path}`, 'get', '--raw', '/version', '--request-timeout=20s'];
  return [ours, (await kubectl(words, { ...ENV, ...env })) !== undefined];
}

const BOTH = [true, true];
const OURS_TO_SEE = /^(authorization|impersonate-.*)$/;

/** What the server saw of each caller: the headers that say who the caller is. */
function recorder() {
  const seen: IncomingHttpHeaders[] = [];
  const answer: RequestListener = ({ headers }, response) => {
    seen.push(Object.fromEntries(Object.entries(headers).filter(([name]) => OURS_TO_SEE.test(name))));
    response.setHeader('content-type', 'application/json').end('{"gitVersion":"v1.37.0"}');
  };
  return { seen, answer };
}

async function plainServer(t: TestContext) {
  const { seen, answer } = recorder();
  const port = await listening(t, createHttpServer(answer));
  return { seen, port, server: `http://127.0.0.1:${port}` };
}

let authority: Awaited<ReturnType<typeof createAuthority>>;
let leaf: Awaited<ReturnType<typeof issueLeaf>>;
before(async () => {
  authority = await createAuthority(VALID_NOW);
  leaf = await issueLeaf(authority, { ...VALID_NOW, hosts: ['127.0.0.1', 'api.test'] });
});

async function tlsServer(t: TestContext, own?: RequestListener) {
  const { seen, answer } = recorder();
  const server = createServer({ cert: leaf.certPem, key: leaf.keyPem }, own ?? answer);
  const port = await listening(t, server as Server);
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    'certificate-authority-data': Buffer.from(authority.certPem).toString('base64'),
  };
  return { seen, port, cluster };
}

const same = (seen: readonly IncomingHttpHeaders[], expected: IncomingHttpHeaders): void => {
  assert.ok(seen.length > 0);
  for (const each of seen) assert.deepEqual(each, expected);
};

describe('a caller', () => {
  it('sends no credentials to a server without TLS, such as kubectl proxy', async (t) => {
    const { seen, server } = await plainServer(t);
    assert.deepEqual(await askBoth(kubeconfig({ server }, { token: 'secret', as: 'you' })), BOTH);
    same(seen, { 'impersonate-user': 'you' });
  });

  it('connects to the next address of a server if the first cannot be reached', async (t) => {
    const { port, cluster } = await tlsServer(t);
    // Every router must discard packets to 100::/64.
    const addresses = [
      { address: '100::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ];
    const lookup = (_: string, __: object, done: (error: null, found: typeof addresses) => void) =>
      done(null, addresses);
    t.mock.method(dns, 'lookup', lookup);
    const path = kubeconfig({ ...cluster, server: `https://api.test:${port}` });
    assert.equal(await trialsOf(configOf(path)).version(), 'v1.37.0');
  });

  it('uses the token of a file before any other token, and reads the file for each request', async (t) => {
    const { seen, cluster } = await tlsServer(t);
    const tokenFile = file('token', 'first\n');
    const path = kubeconfig(cluster, { tokenFile: 'token', token: 'another' });
    assert.deepEqual(await askBoth(path), BOTH);
    same(seen, { authorization: 'Bearer first' });
    const trials = trialsOf(configOf(path));
    await trials.version();
    writeFileSync(tokenFile, 'second\n');
    await trials.version();
    rmSync(tokenFile);
    await trials.version();
    assert.deepEqual(
      seen.slice(-3).map(({ authorization }) => authorization),
      ['Bearer first', 'Bearer second', 'Bearer second'],
    );
  });

  it('sends a name and a password', async (t) => {
    const { seen, cluster } = await tlsServer(t);
    assert.deepEqual(await askBoth(kubeconfig(cluster, { username: 'me', password: 'mine' })), BOTH);
    same(seen, { authorization: `Basic ${btoa('me:mine')}` });
  });

  it('impersonates another user, with groups, uid and extra fields', async (t) => {
    const { seen, cluster } = await tlsServer(t);
    const user = {
      ...{ as: 'you', 'as-uid': '7', 'as-groups': ['a', 'b'] },
      'as-user-extra': { scopes: ['x'], 'acme.example/team': ['t'] },
    };
    assert.deepEqual(await askBoth(kubeconfig(cluster, { ...user, token: 't' })), BOTH);
    same(seen, {
      ...{ authorization: 'Bearer t', 'impersonate-user': 'you', 'impersonate-uid': '7' },
      ...{ 'impersonate-group': 'a, b', 'impersonate-extra-scopes': 'x' },
      'impersonate-extra-acme.example%2fteam': 't',
    });
  });

  it('trusts an intermediate CA even if the signer of that CA is unknown', async (t) => {
    const { middle, served } = await chainOf({ ...VALID_NOW, hosts: ['127.0.0.1'] });
    const server = createServer({ cert: served.certPem, key: served.keyPem }, recorder().answer);
    const cluster = {
      server: `https://127.0.0.1:${await listening(t, server as Server)}`,
      'certificate-authority-data': Buffer.from(middle.certPem).toString('base64'),
    };
    assert.deepEqual(await askBoth(kubeconfig(cluster)), BOTH);
  });

  it('trusts the CAs of the system if the kubeconfig names no CA', async (t) => {
    const { cluster } = await tlsServer(t);
    const path = kubeconfig({ server: cluster.server });
    const env = { ...ENV, SSL_CERT_FILE: file('system.pem', authority.certPem) };
    assert.equal(await askInChild(path, env), 'v1.37.0');
    assert.equal(await askInChild(path, ENV), 'KubeError');
    if (hasKubectl) {
      const words = [`--kubeconfig=${path}`, 'get', '--raw', '/version'];
      assert.match((await kubectl(words, env)) ?? '', /v1\.37\.0/);
      assert.equal(await kubectl(words, ENV), undefined);
    }
  });
});

/** The version, or the kind of the error, from a process with that environment: Node reads some variables only at its start. */
async function askInChild(path: string, env: Env): Promise<string> {
  const kube = join(import.meta.dirname, '../../../runtime/kube');
  const program = `
    import { createKube } from '${kube}/client.ts';
    import { loadKubeConfig } from '${kube}/kubeconfig.ts';
    const clock = { after: () => () => undefined, monotonicMs: () => 0 };
    const options = { clock, timeoutMs: 60_000, userAgent: 'test' };
    const trials = createKube(loadKubeConfig({ path: '${path}' }), options);
    console.log(await trials.version().catch((error) => error.name));`;
  const words = ['--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, words, { env: { ...env } });
  return stdout.trim();
}

describe('a proxy', () => {
  /** A proxy that opens a tunnel to the server, whatever name is asked for. */
  async function scene(t: TestContext) {
    const { port } = await tlsServer(t);
    const ways: string[] = [];
    const proxy = createHttpServer().on('connect', ({ url = '' }, socket) => {
      ways.push(url);
      const upstream = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      for (const each of [socket, upstream])
        each.on('error', () => [socket, upstream].map((one) => one.destroy()));
    });
    const url = `http://127.0.0.1:${await listening(t, proxy)}`;
    const cluster = {
      server: `https://api.test:${port}`,
      'certificate-authority': file('ca.pem', authority.certPem),
    };
    return { ways, url, cluster, way: `api.test:${port}` };
  }

  it('is taken from the kubeconfig, whatever the environment says', async (t) => {
    const { ways, url, cluster, way } = await scene(t);
    const env = { HTTPS_PROXY: 'http://127.0.0.1:9', NO_PROXY: '*' };
    assert.deepEqual(await askBoth(kubeconfig({ ...cluster, 'proxy-url': url }), env), BOTH);
    assert.deepEqual(new Set(ways), new Set([way]));
  });

  it('is taken from the environment if the kubeconfig has none', async (t) => {
    const { ways, url, cluster, way } = await scene(t);
    assert.deepEqual(await askBoth(kubeconfig(cluster), { HTTPS_PROXY: url, NO_PROXY: 'elsewhere' }), BOTH);
    assert.deepEqual(await askBoth(kubeconfig(cluster), { https_proxy: url }), BOTH);
    assert.deepEqual(new Set(ways), new Set([way]));
  });

  it('is not used for hosts that the environment excepts', async (t) => {
    const { ways, url, cluster } = await scene(t);
    assert.deepEqual(await askBoth(kubeconfig(cluster), { HTTPS_PROXY: url, NO_PROXY: '.test' }), [
      false,
      false,
    ]);
    assert.deepEqual(ways, []);
  });
});

describe('a plugin for credentials', () => {
  const API = 'client.authentication.k8s.io/v1';
  const MODE = { apiVersion: API, interactiveMode: 'IfAvailable' };

  /** Prints that token, and writes its input to a file. */
  function plugin(name: string, status: object): string {
    const printed = JSON.stringify({ apiVersion: API, kind: 'ExecCredential', status });
    const text = `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" >> "$TOLD"\necho "$OWN $*" >> "$TOLD"\necho '${printed}'\n`;
    const path = file(name, text);
    chmodSync(path, 0o755);
    return path;
  }

  const told = (): unknown[] =>
    readFileSync(join(folder, 'told'), 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => (line.startsWith('{') ? JSON.parse(line) : line));

  it('gets the same input as from kubectl, and its path is relative to the kubeconfig', async (t) => {
    const { seen, cluster: own } = await tlsServer(t);
    mkdirSync(join(folder, 'bin'), { recursive: true });
    plugin('bin/plugin', { token: 'given' });
    file('told', '');
    const exec = {
      ...{ ...MODE, command: './bin/plugin', args: ['a', 'b'], provideClusterInfo: true },
      env: [
        { name: 'OWN', value: 'mine' },
        { name: 'TOLD', value: join(folder, 'told') },
      ],
    };
    const cluster = {
      ...own,
      extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'x' } }],
    };
    assert.deepEqual(await askBoth(kubeconfig(cluster, { exec })), BOTH);
    same(seen, { authorization: 'Bearer given' });
    const [ours, words, ...theirs] = told();
    assert.equal(words, 'mine a b');
    assert.deepEqual(ours, {
      ...{ kind: 'ExecCredential', apiVersion: API },
      spec: { cluster: { ...own, config: { audience: 'x' } }, interactive: false },
    });
    if (hasKubectl) assert.deepEqual(theirs, [ours, words]);
  });

  it('beside a kubeconfig with a relative path is run from there, and not from the PATH', async (t) => {
    const { seen, cluster } = await tlsServer(t);
    plugin('beside', { token: 'given' });
    const exec = { ...MODE, command: './beside', env: [{ name: 'TOLD', value: join(folder, 'told') }] };
    const path = kubeconfig(cluster, { exec });
    const before = process.cwd();
    process.chdir(folder);
    t.after(() => process.chdir(before));
    assert.deepEqual(await askBoth(basename(path)), BOTH);
    same(seen, { authorization: 'Bearer given' });
  });

  it('that asks for the cluster needs the CA file of the cluster, and another plugin does not', async () => {
    const gone = join(folder, 'gone.pem');
    const cluster = { server: 'https://127.0.0.1:9', 'certificate-authority': gone };
    for (const [provideClusterInfo, sentence] of [
      [true, `the certificate-authority ${gone} cannot be read: there is no such file`],
      [false, /^what the kubeconfig names cannot be used: .*gone\.pem/],
    ] as const) {
      const command = plugin('whole', { token: 'given' });
      const exec = {
        ...{ ...MODE, command, provideClusterInfo },
        env: [{ name: 'TOLD', value: join(folder, 'told') }],
      };
      const config = configOf(kubeconfig(cluster, { exec }));
      await assert.rejects(trialsOf(config).version(), { name: 'KubeConfigError', message: sentence });
    }
  });

  it('runs once, and again when its credentials have expired or are refused', async (t) => {
    let status = 200;
    const { cluster } = await tlsServer(t, (_, response) => void response.writeHead(status).end('{}'));
    const ends = new Date(NOW_MS + 60_000).toISOString();
    const command = plugin('ending', { token: 'given', expirationTimestamp: ends });
    file('told', '');
    const exec = { ...MODE, command, env: [{ name: 'TOLD', value: join(folder, 'told') }] };
    let nowMs = NOW_MS;
    const path = kubeconfig(cluster, { exec });
    const trials = trialsOf(loadKubeConfig({ path, env: ENV, nowMs: () => nowMs }));
    const runs = () => told().length;
    await Promise.all([trials.version(), trials.version()]);
    await trials.version();
    assert.equal(runs(), 1);
    nowMs += 60_000;
    await trials.version();
    assert.equal(runs(), 2);
    nowMs = NOW_MS;
    status = 401;
    await assert.rejects(trials.version(), { status: 401 });
    status = 200;
    await trials.version();
    assert.equal(runs(), 3);
  });

  for (const [what, exec, sentence] of [
    [
      'is not installed',
      { command: 'not-installed', installHint: 'Get it at acme.example.' },
      'the plugin not-installed of the kubeconfig is not installed. Get it at acme.example.',
    ],
    ['fails', { command: 'false' }, 'the plugin false failed with 1: its own output above says why'],
    [
      'is killed',
      { command: 'sh', args: ['-c', 'kill -9 $$'] },
      'the plugin sh was ended by SIGKILL before it gave credentials',
    ],
    [
      'has to ask, and cannot',
      { command: 'true', interactiveMode: 'Always' },
      /^the plugin true needs input/,
    ],
    [
      'prints something else',
      { command: 'echo', args: ['{}'] },
      /^the plugin echo printed no ExecCredential/,
    ],
  ] as const) {
    it(`that ${what} is one sentence`, async () => {
      const path = kubeconfig({ server: 'https://127.0.0.1:9' }, { exec: { ...MODE, ...exec } });
      await assert.rejects(trialsOf(configOf(path)).version(), {
        name: 'KubeConfigError',
        message: sentence,
      });
      assert.deepEqual(await askBoth(path), [false, false]);
    });
  }
});
