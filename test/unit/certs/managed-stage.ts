/**
 * One API server in memory and what is needed to run managed sources over it.
 */
import type { TestContext } from 'node:test';
import { followSource, Latest } from '../../../certs/current.ts';
import { type ManagedSettings, ManagedSource } from '../../../certs/managed.ts';
import type { Bundle, Callers } from '../../../certs/source.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { ALONE, type goodContent, secretIn, settingsIn, trusting } from './managed-world.ts';

export const NAMESPACE = 'stellar-peers';
export const SECRET = secretIn(NAMESPACE);
export const READ = 'get /api/v1/namespaces/stellar-peers/secrets/stellar-peers-webhook-cert';
export const APPLY = READ.replace('get', 'apply');
export const WRITE = READ.replace('get', 'replace');

/** One API server and what is needed to start sources over it; everything stops with the test. */
export function setUp(t: TestContext, changed: Partial<ManagedSettings> = {}, callers: Callers = trusting) {
  const kube = new MemoryKube();
  const clock = new ManualClock();
  const log = new CapturedLog();
  const stop = new AbortController();
  t.after(() => stop.abort());
  const settings = { ...settingsIn(NAMESPACE), ...changed };
  const source = (withWatch = false) =>
    new ManagedSource(
      { kube, clock, log, callers, ...ALONE, ...(withWatch ? { onSecretChange: kube.onChange } : {}) },
      settings,
    );
  /** A replica that serves whatever comes, and all that came. */
  const replica = (withWatch = false) => {
    const given: Bundle[] = [];
    const current = new Latest<Bundle>();
    current.onChange(() => {
      const bundle = current.observe();
      if (bundle) given.push(bundle);
    });
    void followSource(source(withWatch), current, stop.signal);
    return given;
  };
  const first = () => clock.pass(source().next(undefined, stop.signal));
  return { kube, clock, log, signal: stop.signal, source, replica, first };
}

export const writesOf = (kube: MemoryKube) => kube.requests.filter((request) => !request.startsWith('get '));

export async function fill(kube: MemoryKube, data: Record<string, string>): Promise<void> {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  await kube.apply(SECRET, {
    metadata: { name: SECRET.name, namespace: NAMESPACE },
    data: Object.fromEntries(encoded),
  });
}

export const keysOf = (content: Awaited<ReturnType<typeof goodContent>>): Record<string, string> => ({
  'ca.crt': content.caPem,
  'ca.key': content.caKeyPem,
  'tls.crt': content.certPem,
  'tls.key': content.keyPem,
});
