/** Each failed connection becomes one sentence that names the server, the context and what to check. */
import assert from 'node:assert/strict';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer } from 'node:https';
import { it, type TestContext } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { createAuthority, issueLeaf } from '../../../certs/authority.ts';
import { createKube, type KubeOptions } from '../../../runtime/kube/client.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { NOW_MS, VALID_NOW } from '../stand-ins/now.ts';
import { listening } from './listening.ts';

const pem = (text: string): string => Buffer.from(text).toString('base64');

/** `more` is added to the cluster and to the user. */
function ask(server: string, more: object = {}, options: Partial<KubeOptions> = {}): Promise<string> {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server, skipTLSVerify: false, ...more }],
    users: [{ name: 'u', token: 't', ...more }],
    contexts: [{ name: 'prod', cluster: 'c', user: 'u' }],
    currentContext: 'prod',
  });
  const some = { clock: new ManualClock(), timeoutMs: 60_000, userAgent: 'test', ...options };
  return createKube(config, some).version();
}

/** A server whose certificate has these dates and hosts, with the CA of the certificate. */
async function tlsServer(t: TestContext, hosts: readonly string[], dates = VALID_NOW) {
  const authority = await createAuthority({ ...VALID_NOW, notBeforeMs: NOW_MS - 7_200_000 });
  const leaf = await issueLeaf(authority, { ...dates, hosts });
  const server = createServer({ cert: leaf.certPem, key: leaf.keyPem });
  const port = await listening(t, server as Server);
  return { server: `https://127.0.0.1:${port}`, caData: pem(authority.certPem) };
}

const message = (server: string, words: string): string =>
  `no answer from the API server (context prod, server ${server}): ${words} (GET /version)`;

async function saysOf(
  server: string,
  words: string,
  cluster: object = {},
  options: Partial<KubeOptions> = {},
) {
  await assert.rejects(ask(server, cluster, options), {
    ...{ name: 'KubeError', status: 0, message: message(server, words) },
  });
}

it('a port on which nothing listens', async () => {
  await saysOf(
    'https://127.0.0.1:9',
    'nothing listens there: check the address, and whether the API server runs',
  );
});

it('a proxy on which nothing listens, and a proxy that refuses the tunnel', async (t) => {
  const server = 'https://api.test:6443';
  const refusing = createHttpServer().on('connect', (_, socket) =>
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
  );
  const port = await listening(t, refusing);
  const check = 'check HTTPS_PROXY, or proxy-url of the kubeconfig';
  for (const [at, words] of [
    ['http://127.0.0.1:9', `the proxy cannot be reached (ECONNREFUSED): ${check}`],
    // With a SOCKS proxy, we look up the server's name ourselves.
    ['socks5://127.0.0.1:9', 'its name is not known: check the address, the network and DNS'],
    [
      `http://127.0.0.1:${port}`,
      `the proxy does not connect to the API server (HTTP 407): ${check}, and their name and password`,
    ],
  ] as const) {
    await assert.rejects(ask(server, { proxyUrl: at.replace('//', '//me:mine@') }), {
      ...{ name: 'KubeError', status: 0 },
      message: message(`${server}, proxy ${at}`, words),
    });
  }
});

it('a certificate of another authority', async (t) => {
  const { server } = await tlsServer(t, ['127.0.0.1']);
  const { caData } = await tlsServer(t, ['127.0.0.1']);
  const words = 'no trusted CA has signed its certificate: check certificate-authority of the kubeconfig';
  await saysOf(server, words, { caData });
});

it('a certificate for another name, and one that has expired', async (t) => {
  const other = await tlsServer(t, ['api.test']);
  const words = 'its certificate is for another name: check server and tls-server-name';
  await saysOf(other.server, words, other);
  const dates = { notBeforeMs: NOW_MS - 3_600_000, notAfterMs: NOW_MS - 1_800_000 };
  const old = await tlsServer(t, ['127.0.0.1'], dates);
  await saysOf(old.server, 'its certificate has expired, or the clock here is wrong', old);
});

it('a server without TLS', async (t) => {
  const port = await listening(t, createHttpServer());
  const words = 'it does not speak TLS: check whether its address should begin with http://';
  await saysOf(`https://127.0.0.1:${port}`, words);
});

it('a certificate in the kubeconfig that is not a certificate', async (t) => {
  const { server } = await tlsServer(t, ['127.0.0.1']);
  await saysOf(server, 'a certificate or key of the kubeconfig cannot be used', {
    certData: pem('nonsense'),
    keyData: pem('nonsense'),
  });
});

it('a connection that is cut, and an answer that ends early', async (t) => {
  const cut = createHttpServer(({ socket }) => socket.destroy());
  const words = 'the connection was cut: check proxies and load balancers on the way';
  await saysOf(`http://127.0.0.1:${await listening(t, cut)}`, words, { skipTLSVerify: true });
  const early = createHttpServer(({ socket }, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{', () => socket.destroy());
  });
  await saysOf(`http://127.0.0.1:${await listening(t, early)}`, words, { skipTLSVerify: true });
});

it('a server that does not answer, with a notice after a few seconds', async (t) => {
  const clock = new ManualClock();
  const server = `http://127.0.0.1:${await listening(
    t,
    createHttpServer(() => clock.advance(5_000)),
  )}`;
  let slow = 0;
  const onSlow = () => {
    slow += 1;
  };
  const words = 'no answer in time: check the network, a VPN, and firewalls';
  await saysOf(server, words, { skipTLSVerify: true }, { clock, timeoutMs: 500, onSlow });
  assert.equal(slow, 1);
});
