/** A kubeconfig selects for us the same cluster as for kubectl. Kubectl is tried if it is installed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Choice, loadKubeConfig } from '../../../runtime/kube/kubeconfig.ts';
import { whereOf } from '../../../runtime/kube/kubeconfig-auth.ts';
import { hasKubectl, kubectl } from '../stand-ins/kubectl.ts';

const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-kubeconfig-'));
after(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
const cluster = (name: string, server: string, more: object = {}) => ({ name, cluster: { server, ...more } });
const context = (name: string, own: object) => ({ name, context: own });
const HEAD = { apiVersion: 'v1', kind: 'Config' };

const A = file('a', {
  ...HEAD,
  'current-context': 'one',
  clusters: [cluster('shared', 'https://a.example', { 'certificate-authority': 'ca.pem' })],
  users: [{ name: 'u', user: { token: 'of-a' } }],
  contexts: [context('one', { cluster: 'shared', user: 'u' })],
});
const B = file('b', {
  ...HEAD,
  'current-context': 'two',
  clusters: [
    cluster('shared', 'https://b.example', { 'tls-server-name': 'x' }),
    cluster('d', 'https://d.example'),
  ],
  users: [{ name: 'u', user: { token: 'of-b', as: 'me' } }],
  contexts: [
    context('two', { cluster: 'd', user: 'u', namespace: 'stellar' }),
    context('b', { cluster: 'shared' }),
  ],
});
const EMPTY = file('empty', '');
const MISSING = join(folder, 'missing');
const TWICE = file('twice', { ...HEAD, clusters: [cluster('c', 'https://a'), cluster('c', 'https://b')] });
const LOST = file('lost', {
  ...HEAD,
  'current-context': 'gone',
  clusters: [cluster('c', 'https://c.example')],
});
const BARE = file('bare', {
  ...HEAD,
  clusters: [cluster('c', 'https://c.example')],
  contexts: [context('only', { cluster: 'c' }), context('broken', { cluster: 'gone' })],
});

/** The file of a cluster and its user. */
const at = (own: object, user: object = {}): string =>
  file(`at-${Object.values(own).length}-${Object.keys(user)[0] ?? ''}`, {
    ...{ ...HEAD, 'current-context': 'k', contexts: [context('k', { cluster: 'c', user: 'u' })] },
    ...{ clusters: [{ name: 'c', cluster: own }], users: [{ name: 'u', user }] },
  });

/** The selected cluster and user, for our client and for kubectl; `none` if there is no such cluster. */
interface Chosen {
  readonly server: string | undefined;
  readonly token?: string | undefined;
  readonly as?: string | undefined;
  readonly caFile?: string | undefined;
  readonly serverName?: string | undefined;
  readonly namespace?: string | undefined;
}

function ours(choice: Choice): Chosen | 'none' {
  try {
    const config = loadKubeConfig(choice);
    const at = config.getCurrentCluster();
    const user = config.getCurrentUser();
    const { namespace } = config.getContextObject(config.getCurrentContext()) ?? {};
    return {
      ...{ server: at?.server, token: user?.token, as: user?.impersonateUser, caFile: at?.caFile },
      ...{ serverName: at?.tlsServerName, namespace },
    };
  } catch (error) {
    assert.equal((error as Error).name, 'KubeConfigError', String(error));
    return 'none';
  }
}

async function theirs({ path, context, env = {} }: Choice): Promise<Chosen | 'none'> {
  const words = Object.entries({ kubeconfig: path, context })
    .filter(([, value]) => value !== undefined)
    .map(([flag, value]) => `--${flag}=${value}`);
  const text = await kubectl(['config', 'view', '--minify', '--raw', '-o', 'json', ...words], env);
  if (text === undefined) return 'none';
  const view = JSON.parse(text) as Record<string, Array<Record<string, Record<string, string>>> | undefined>;
  const at = view.clusters?.[0]?.cluster ?? {};
  const user = view.users?.[0]?.user ?? {};
  return {
    ...{
      server: at.server,
      token: user.token,
      as: user.as,
      caFile: at['certificate-authority'] && join(folder, at['certificate-authority']),
    },
    ...{ serverName: at['tls-server-name'], namespace: view.contexts?.[0]?.context?.namespace },
  };
}

const of = (...files: readonly string[]): Choice => ({ env: { KUBECONFIG: files.join(':'), HOME: folder } });
const none = {
  token: undefined,
  as: undefined,
  caFile: undefined,
  serverName: undefined,
  namespace: undefined,
};
const onA = { ...none, server: 'https://a.example', token: 'of-a', caFile: join(folder, 'ca.pem') };

const CASES: ReadonlyArray<readonly [string, Choice, Chosen | 'none']> = [
  ['one file', of(A), onA],
  ['two files: the current context, and each entry, of the first', of(A, B), onA],
  [
    'the other way round',
    of(B, A),
    { ...none, server: 'https://d.example', token: 'of-b', as: 'me', namespace: 'stellar' },
  ],
  ['files that are missing or empty, anywhere in the list', of(MISSING, EMPTY, A, MISSING, B), onA],
  ['the same file twice', of(A, A), onA],
  [
    '--context of the second file, with the cluster of the first',
    { ...of(A, B), context: 'b' },
    { ...onA, token: undefined },
  ],
  ['--kubeconfig, whatever KUBECONFIG says', { ...of(B), path: A }, onA],
  ['--kubeconfig of a file that is missing', { ...of(A), path: MISSING }, 'none'],
  ['a context that is not there', { ...of(A), context: 'gone' }, 'none'],
  ['a current context that is not there', of(LOST), 'none'],
  ['one name twice in one file', of(A, TWICE), 'none'],
  ['something else than a kubeconfig', of(file('html', '<html>')), 'none'],
  [
    'a token that is no text',
    of(file('number', { ...HEAD, users: [{ name: 'u', user: { token: 5 } }] }), A),
    'none',
  ],
  ['a context without user', { ...of(BARE), context: 'only' }, { ...none, server: 'https://c.example' }],
];

describe('a kubeconfig', () => {
  for (const [what, choice, expected] of CASES) {
    it(`means what it means to kubectl: ${what}`, async () => {
      assert.deepEqual(ours(choice), expected);
      if (hasKubectl) assert.deepEqual(await theirs(choice), expected, 'kubectl itself');
    });
  }

  it('is shown by context and server', () => {
    assert.equal(whereOf(loadKubeConfig(of(A))), 'context one, server https://a.example');
  });

  it('is shown with its proxy, and without passwords', () => {
    const server = 'https://me:mi@ne@a.example:6443';
    const path = at({ server, 'proxy-url': 'http://me:mine@proxy.example', 'tls-server-name': 'x' });
    assert.equal(
      whereOf(loadKubeConfig({ path })),
      'context k, server https://a.example:6443, proxy http://proxy.example',
    );
  });

  it('passes plugin arguments that are not strings as they are written', () => {
    const exec = { command: 'plugin', args: [1, true, { toString: 'x' }], env: [{ name: 'A', value: 5 }] };
    loadKubeConfig(of(at({ server: 'https://api.example' }, { exec })));
  });

  it('is overridden by --cluster, --user and --as', () => {
    const chosen = ours({ ...of(B), cluster: 'shared', user: 'u', as: 'you' }) as Chosen;
    assert.deepEqual([chosen.server, chosen.token, chosen.as], ['https://b.example', 'of-b', 'you']);
  });

  it('shows a server that an option names, and not the cluster name of the file', () => {
    const { server, serverName } = ours({
      ...of(B),
      context: 'b',
      server: 'http://127.0.0.1:8001',
    }) as Chosen;
    assert.deepEqual([server, serverName], ['http://127.0.0.1:8001', undefined]);
  });

  for (const [what, choice, sentence] of [
    [
      'a context',
      { ...of(A, B), context: 'gone' },
      'the kubeconfig has no context gone; its contexts are one, two, b',
    ],
    [
      'a cluster',
      { ...of(BARE), context: 'broken' },
      'the kubeconfig has no cluster gone; its clusters are c',
    ],
    ['a user', { ...of(A), user: 'gone' }, 'the kubeconfig has no user gone; its users are u'],
    [
      'a current context',
      of(BARE),
      'the kubeconfig has no current context: use --context; its contexts are only, broken',
    ],
    ['a file', { path: MISSING }, `the kubeconfig ${MISSING} cannot be read: there is no such file`],
    [
      'a cluster in its context',
      of(file('userless', { ...HEAD, 'current-context': 'k', contexts: [context('k', { user: 'u' })] })),
      'context k of the kubeconfig names no cluster: use --cluster; there are no clusters',
    ],
    [
      'a cluster at all',
      { env: { HOME: folder } },
      'no cluster is configured: set KUBECONFIG, or run in a pod with a ServiceAccount',
    ],
    [
      'each of its files',
      of(MISSING, EMPTY),
      `no cluster is configured: ${MISSING}:${EMPTY} is missing, or names no cluster; use another file`,
    ],
    [
      'each of its files, where a context is asked for',
      { ...of(MISSING), context: 'one' },
      `no cluster is configured: ${MISSING} is missing, or names no cluster; use another file`,
    ],
    [
      'content',
      { path: EMPTY },
      `no cluster is configured: ${EMPTY} is missing, or names no cluster; use another file`,
    ],
    [
      'an address of its server',
      of(at({ server: 'ftp://me:mine@api.example' })),
      'the server ftp://api.example of the kubeconfig is no address: https://HOST:PORT is one',
    ],
    [
      'the scheme of its proxy',
      of(at({ server: 'https://api.example', 'proxy-url': 'me:mine@proxy.example:3128' })),
      'the proxy proxy.example:3128 is no address: http://HOST:PORT is one; check HTTPS_PROXY, or proxy-url of ' +
        'the kubeconfig',
    ],
    [
      'a way to authenticate that kubectl still has',
      of(at({ server: 'https://api.example' }, { 'auth-provider': { name: 'gcp' } })),
      'the auth-provider gcp of user u cannot be used: kubectl has dropped all but oidc, and we know no more; ' +
        'use a plugin (exec)',
    ],
  ] as const) {
    it(`that lacks ${what} says so in a sentence`, () => {
      assert.throws(() => loadKubeConfig(choice), { name: 'KubeConfigError', message: sentence });
    });
  }
});
