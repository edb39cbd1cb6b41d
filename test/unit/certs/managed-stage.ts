/**
 * One API server in memory and what is needed to run managed sources over it.
 */
import type { TestContext } from 'node:test';
import { type ManagedSettings, ManagedSource } from '../../../certs/managed.ts';
import type { Callers } from '../../../certs/source.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { follow, nextOf } from './conformance.ts';
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
  const replica = (withWatch = false) => follow(source(withWatch), stop.signal);
  const first = () => clock.pass(nextOf(source(), undefined, stop.signal));
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
