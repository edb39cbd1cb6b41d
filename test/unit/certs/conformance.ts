/**
 * What every CertSource promises, run for each of them over a world that can be disturbed.
 */
import assert from 'node:assert/strict';
import { createServer, get } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import { type TestContext, test } from 'node:test';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { checkBundle } from '../../../certs/check.ts';
import { type Bundle, type CertSource, Latest } from '../../../certs/source.ts';

export interface CertWorld {
  readonly hosts: readonly string[];
  /** The world's time. */
  nowMs(): number;
  /** The source of a new replica over the shared storage. */
  source(): CertSource;
  /** Another writer replaces the stored bundle by another good one. */
  replace(): Promise<{ readonly certPem: string }>;
  /** The stored bundle becomes unusable. */
  corrupt(): Promise<void>;
  /** While `true`, the storage cannot be reached. */
  cutOff(away: boolean): void;
  /** Lets time pass until `promise` settles, or until `condition` holds. */
  pass<T>(promise: Promise<T>): Promise<T>;
  passUntil(condition: () => boolean): Promise<void>;
  /** Lets enough time pass for every source to read the storage more than once. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Declares the suite for the source called `name`; `open` makes a fresh world for each test. */
export function certSourceConformance(name: string, open: () => Promise<CertWorld>): void {
  const promise = (what: string, body: (world: CertWorld, signal: AbortSignal) => Promise<void>) =>
    test(`${name}: ${what}`, async (t: TestContext) => {
      const world = await open();
      const stop = new AbortController();
      t.after(async () => {
        stop.abort();
        await world.close();
      });
      await body(world, stop.signal);
    });

  promise('the first bundle is good for every host', async (world, signal) => {
    assertGood(world, await world.pass(nextOf(world.source(), undefined, signal)));
  });

  promise('TLS works under every host and is refused under another', async (world, signal) => {
    const bundle = await world.pass(nextOf(world.source(), undefined, signal));
    for (const host of world.hosts) assert.equal(await call(bundle, host), 'served');
    assert.equal(await call(bundle, 'elsewhere.example.org'), 'ERR_TLS_CERT_ALTNAME_INVALID');
  });

  promise('two replicas that start at the same moment end with the same bundle', async (world, signal) => {
    const [one, two] = await world.pass(
      Promise.all([nextOf(world.source(), undefined, signal), nextOf(world.source(), undefined, signal)]),
    );
    assert.equal(one.fingerprint, two.fingerprint);
    assert.equal(one.keyPem, two.keyPem);
  });

  promise('a source sets no new bundle before a change', async (world, signal) => {
    const source = world.source();
    const first = await world.pass(nextOf(source, undefined, signal));
    let came = 0;
    const waiting = nextOf(source, first, signal).finally(() => {
      came += 1;
    });
    await world.idle();
    assert.equal(came, 0);
    const { certPem } = await world.replace();
    const second = await world.pass(waiting);
    assertGood(world, second);
    assert.equal(second.certPem, certPem);
    assert.notEqual(second.fingerprint, first.fingerprint);
  });

  promise('a bundle that changed between two calls is not missed', async (world, signal) => {
    const source = world.source();
    const first = await world.pass(nextOf(source, undefined, signal));
    const { certPem } = await world.replace();
    const second = await world.pass(nextOf(source, first, signal));
    assert.equal(second.certPem, certPem);
  });

  promise('a corrupted bundle is never set, and the good one after it is', async (world, signal) => {
    const source = world.source();
    const given = follow(source, signal);
    await world.passUntil(() => given.length > 0);
    await world.corrupt();
    await world.idle();
    const { certPem } = await world.replace();
    await world.passUntil(() => given.some((bundle) => bundle.certPem === certPem));
    for (const bundle of given) assertGood(world, bundle);
  });

  promise('an unreachable storage delays the bundle, and rejects nothing', async (world, signal) => {
    world.cutOff(true);
    let settled = false;
    const waiting = nextOf(world.source(), undefined, signal).finally(() => {
      settled = true;
    });
    await world.idle();
    assert.equal(settled, false);
    world.cutOff(false);
    assertGood(world, await world.pass(waiting));
  });

  promise('an abort ends the source, before and during a wait', async (world) => {
    const stop = new AbortController();
    const bundle = new Latest<Bundle>();
    const running = world.source().run(bundle, stop.signal);
    await world.passUntil(() => bundle.observe() !== undefined);
    stop.abort();
    await running;
    await world.source().run(bundle, stop.signal);
  });

  promise(
    'an error that a listener throws ends the source, because the process must not run on without the listener',
    async (world, signal) => {
      const bundle = new Latest<Bundle>();
      bundle.onChange(() => {
        throw new Error('the webhook cannot use it');
      });
      await assert.rejects(world.pass(world.source().run(bundle, signal)), /cannot use it/);
    },
  );
}

/** All bundles that the source sets from now on. */
export function follow(source: CertSource, signal: AbortSignal): Bundle[] {
  const given: Bundle[] = [];
  const bundle = new Latest<Bundle>();
  bundle.onChange(() => given.push(bundle.observe() ?? assert.fail()));
  void source.run(bundle, signal);
  return given;
}

/** The first bundle that the source sets in place of `last`. */
export function nextOf(source: CertSource, last: Bundle | undefined, signal: AbortSignal): Promise<Bundle> {
  const bundle = new Latest<Bundle>();
  bundle.set(last);
  const stop = new AbortController();
  return new Promise((resolve, reject) => {
    bundle.onChange(() => {
      stop.abort();
      resolve(bundle.observe() ?? assert.fail());
    });
    source.run(bundle, AbortSignal.any([signal, stop.signal])).catch(reject);
  });
}

function assertGood(world: CertWorld, bundle: Bundle): void {
  const checked = checkBundle(bundle, { hosts: world.hosts, nowMs: world.nowMs() });
  assert.deepEqual(checked.ok ? '' : checked.fault, '');
}

/** What a request under `host` is answered with, or the code that the client refuses with. */
async function call(bundle: Bundle, host: string): Promise<string> {
  const server = createServer({ cert: bundle.certPem, key: bundle.keyPem }, (_, response) => {
    response.end('served');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  // The address dialled is always the loopback's; `host` is what the certificate is compared with.
  const options = {
    host: '127.0.0.1',
    port,
    ca: bundle.caPem,
    agent: false as const,
    checkServerIdentity: (_: string, cert: PeerCertificate) => checkServerIdentity(host, cert),
    ...(isIP(host) ? {} : { servername: host }),
  };
  try {
    return await new Promise((resolve) => {
      get(options, (response) => {
        response.on('data', (chunk: Buffer) => resolve(chunk.toString()));
      }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  } finally {
    server.close();
  }
}
