/**
 * The HTTPS app: which requests it refuses and how, that no request crashes it, and that certificates are swapped live.
 */
import assert from 'node:assert/strict';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { before, describe, it } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { createAuthority, issueLeaf } from '../../../certs/authority.ts';
import type { Issued } from '../../../certs/source.ts';
import { preflightProblem, preflightReview } from '../../../peers/injection/preflight-review.ts';
import { createWebhookServer } from '../../../webhook/http/server.ts';
import { MERGE_DEFAULTS } from '../../../webhook/review/admit.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { eventually } from '../stand-ins/eventually.ts';
import { VALID_NOW } from '../stand-ins/now.ts';
import { pod } from '../world.ts';
import { FakeClock } from './fake-clock.ts';
import { Village } from './village.ts';

const PATH = '/mutate-pods';
const JSON_TYPE = { 'content-type': 'application/json' };

let authority: Issued;
let leaf: Issued;
before(async () => {
  authority = await createAuthority(VALID_NOW);
  leaf = await issueLeaf(authority, { ...VALID_NOW, hosts: ['localhost'] });
});

function setUp({ broken = '' } = {}) {
  const clock = new FakeClock();
  const memberships = new Village(clock);
  const results: string[] = [];
  const log = new CapturedLog();
  const server = createWebhookServer({
    certificate: leaf,
    memberships,
    clock,
    log,
    ownNamespace: 'stellar-peers',
    merging: MERGE_DEFAULTS,
    observe: (result) => {
      if (result === broken) throw new Error('no more room');
      results.push(result);
    },
  });
  const send = async (
    payload: unknown,
    options: { headers?: Record<string, string>; method?: 'POST' | 'GET' | 'PUT'; url?: string } = {},
  ) => {
    const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const { headers = JSON_TYPE, method = 'POST', url = PATH } = options;
    const reply = await server.app.inject({ method, url, headers, payload: body });
    return { status: reply.statusCode, body: reply.json() };
  };
  return { clock, memberships, results, lines: log.lines, server, send };
}

/** Resolves when a review is held: a held review subscribes to changes. */
const heldIn = (memberships: Village) => eventually('a review is held', () => memberships.listeners > 0);

const good = preflightReview('u1', 'stellar-peers');
const podReview = (name: string) => ({
  ...good,
  request: {
    ...good.request,
    namespace: 'stellar',
    name: `${name}-0`,
    dryRun: false,
    object: pod(name, { injected: false }),
  },
});

describe('a malformed request', () => {
  const cases: ReadonlyArray<[string, number, unknown, Parameters<ReturnType<typeof setUp>['send']>[1]]> = [
    ['that is not JSON', 400, '{', {}],
    ['without a body', 400, '', {}],
    ['of another kind', 400, { kind: 'Pod' }, {}],
    ['without a uid', 400, { ...good, request: {} }, {}],
    ['of 5 MiB', 413, 'x'.repeat(5 * 1024 * 1024), {}],
    ['of another content type', 415, good, { headers: { 'content-type': 'text/plain' } }],
    ['without a content type', 415, 'x', { headers: {} }],
    ['by GET', 405, '', { method: 'GET', headers: {} }],
    ['by PUT', 405, good, { method: 'PUT' }],
    ['to another path', 404, good, { url: '/' }],
  ];
  for (const [what, status, payload, options] of cases) {
    it(`${what} is answered with ${status} and a sentence, and the next good request is served`, async () => {
      const { send, results } = setUp();
      const refused = await send(payload, options);
      assert.equal(refused.status, status);
      assert.match(refused.body.error, /^[A-Z][^\n]*\.$/);
      assert.deepEqual(Object.keys(refused.body), ['error']);
      const next = await send(good, { url: `${PATH}?timeout=5s` });
      assert.equal(next.status, 200);
      assert.equal(preflightProblem(next.body, 'u1'), undefined);
      assert.deepEqual(results, ['rejected', 'patched']);
    });
  }
});

describe('a good review', () => {
  it('is allowed without a patch and with a warning if our code fails', async () => {
    const { memberships, send, results, lines } = setUp();
    memberships.published = () => {
      throw new Error('broken');
    };
    memberships.join('v1');
    const { status, body } = await send(podReview('v1'));
    assert.equal(status, 200);
    assert.deepEqual(
      [body.response.uid, body.response.allowed, body.response.patch],
      ['u1', true, undefined],
    );
    assert.match(body.response.warnings[0], /^stellar-peers: .*see the log/);
    assert.deepEqual(results, ['failed']);
    assert.ok(lines.some(({ level }) => level === 'error'));
  });

  it('is counted by its result, and its warnings are logged', async () => {
    const { memberships, clock, send, results, lines } = setUp();
    memberships.join('v1');
    memberships.publish();
    await clock.pass(60_000);
    const taken = podReview('v1');
    (taken.request.object as unknown as { spec: { volumes: object[] } }).spec.volumes.push({
      name: 'stellar-peers',
      emptyDir: {},
    });
    await send(taken);
    await send(podReview('v1'));
    await send({ ...good, request: { ...good.request, operation: 'DELETE' } });
    assert.deepEqual(results, ['skipped:NotInjectable', 'patched', 'unchanged']);
    assert.equal(lines.filter(({ level }) => level === 'warn').length, 1);
  });

  it('that is held is answered as soon as the drain begins', async () => {
    const { memberships, send, server } = setUp();
    memberships.join('v1');
    const pending = send(podReview('v1'));
    await heldIn(memberships);
    server.drain();
    const { body } = await pending;
    assert.equal(body.response.patchType, 'JSONPatch');
  });

  it('has the header "connection: close" in its answer once the drain has begun, not before', async () => {
    const { server } = setUp();
    const connectionOf = async () => {
      const payload = JSON.stringify({ ...good, request: { ...good.request, operation: 'DELETE' } });
      const answer = await server.app.inject({ method: 'POST', url: PATH, headers: JSON_TYPE, payload });
      return answer.headers.connection;
    };
    assert.notEqual(await connectionOf(), 'close');
    server.drain();
    assert.equal(await connectionOf(), 'close');
  });
});

describe('reviews that arrive together', () => {
  const others = ['v1', 'v2', 'v3'];

  it('each get their own answer, even if one of them is no review and another makes our code fail', async () => {
    const { memberships, clock, send, results } = setUp();
    for (const name of others) memberships.join(name);
    memberships.publish();
    await clock.pass(60_000);
    const published = memberships.published.bind(memberships);
    memberships.published = (key) => {
      if (key === 'stellar/v2') throw new Error('broken');
      return published(key);
    };
    const reviews = others.map((name) => ({
      ...podReview(name),
      request: { ...podReview(name).request, uid: name },
    }));
    const answers = await Promise.all(['{', ...reviews].map((review) => send(review)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [400, 200, 200, 200],
    );
    const told = answers.slice(1).map(({ body }) => [body.response.uid, body.response.patchType]);
    assert.deepEqual(told, [
      ['v1', 'JSONPatch'],
      ['v2', undefined],
      ['v3', 'JSONPatch'],
    ]);
    assert.deepEqual(results.toSorted(), ['failed', 'patched', 'patched', 'rejected']);
  });

  it('are answered even if the answer to one cannot be sent: the connection of that one ends, and the log has an error', async () => {
    const { memberships, clock, send, lines } = setUp({ broken: 'unchanged' });
    memberships.join('v1');
    memberships.publish();
    await clock.pass(60_000);
    const lost = send({ ...good, request: { ...good.request, operation: 'DELETE' } });
    const [cut, answered] = await Promise.allSettled([lost, send(podReview('v1'))]);
    assert.equal(cut.status, 'rejected');
    assert.ok(answered.status === 'fulfilled' && answered.value.status === 200);
    assert.ok(lines.some(({ level, message }) => level === 'error' && /could not be sent/.test(message)));
  });
});

describe('over TLS', () => {
  const post = (port: number, ca: string, payload: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        {
          ...{ host: '127.0.0.1', servername: 'localhost', port, path: PATH, ca },
          ...{ method: 'POST', agent: false, headers: JSON_TYPE },
        },
        (incoming) => {
          let text = '';
          incoming.setEncoding('utf8').on('data', (chunk) => {
            text += chunk;
          });
          incoming.on('end', () => resolve(text));
        },
      );
      outgoing.on('error', reject);
      outgoing.end(payload);
    });

  it('a new certificate is used for new connections, a bad one is refused, and closing the server answers held reviews', async () => {
    const { server, memberships } = setUp();
    await server.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = server.app.server.address() as AddressInfo;
    const answer = await post(port, authority.certPem, JSON.stringify(good));
    assert.equal(preflightProblem(JSON.parse(answer), 'u1'), undefined);

    const nextAuthority = await createAuthority(VALID_NOW);
    server.swapCertificate(await issueLeaf(nextAuthority, { ...VALID_NOW, hosts: ['localhost'] }));
    await assert.rejects(post(port, authority.certPem, JSON.stringify(good)), /certificate|signature/i);
    assert.throws(() => server.swapCertificate({ certPem: 'nonsense', keyPem: 'nonsense' }));
    const swapped = await post(port, nextAuthority.certPem, JSON.stringify(good));
    assert.equal(preflightProblem(JSON.parse(swapped), 'u1'), undefined);

    memberships.join('v1');
    const held = post(port, nextAuthority.certPem, JSON.stringify(podReview('v1')));
    await heldIn(memberships);
    await server.close();
    assert.equal(JSON.parse(await held).response.allowed, true);
  });

  it('no version before TLS 1.2 is accepted, also after a swap of the certificate', async () => {
    const { server } = setUp();
    await server.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = server.app.server.address() as AddressInfo;
    const tryOld = () =>
      new Promise<string>((resolve) => {
        const socket: TLSSocket = connect(
          {
            port,
            host: '127.0.0.1',
            rejectUnauthorized: false,
            minVersion: 'TLSv1',
            maxVersion: 'TLSv1.1',
            ciphers: 'DEFAULT@SECLEVEL=0',
          },
          () => resolve(socket.getProtocol() ?? 'connected'),
        );
        socket.on('error', () => resolve('refused'));
      });
    assert.equal(await tryOld(), 'refused');
    server.swapCertificate(leaf);
    assert.equal(await tryOld(), 'refused');
    await server.close();
  });
});
