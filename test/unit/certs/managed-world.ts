/**
 * The managed source in a world that the conformance suite can disturb, over any Kube: in memory, or a real
 * API server whose namespace exists.
 */

import assert from 'node:assert/strict';
import { createAuthority, issueLeaf } from '../../../certs/authority.ts';
import { type ManagedSettings, ManagedSource } from '../../../certs/managed.ts';
import { fillSecret, readSecret } from '../../../certs/secret.ts';
import type { Callers } from '../../../certs/source.ts';
import { CERT_SECRET } from '../../../peers/names.ts';
import { isConflict, type Kube, KubeError } from '../../../runtime/kube/port.ts';
import { type ObjectRef, Secrets } from '../../../runtime/kube/resources.ts';
import { Notifier } from '../../../runtime/notifier.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { NOW_MS } from '../stand-ins/now.ts';
import type { CertWorld } from './conformance.ts';

export const MINUTE_MS = 60_000;
export const DAY_MS = 24 * 60 * MINUTE_MS;
export const HOSTS = ['stellar-peers-webhook.stellar-peers.svc', 'localhost', '127.0.0.1', '::1'];

export const settingsIn = (namespace: string): ManagedSettings => ({
  namespace,
  hosts: HOSTS,
  leafLifetimeMs: 90 * DAY_MS,
  caLifetimeMs: 5 * 365 * DAY_MS,
  overlapMs: 2 * MINUTE_MS,
  retireMs: 10 * MINUTE_MS,
  pollMs: MINUTE_MS,
});

/** Callers who trust whatever CA there is, and who always get through. */
export const trusting: Callers = {
  caTrustedForMs: () => Number.POSITIVE_INFINITY,
  probe: () => Promise.resolve(undefined),
  onChange: () => () => undefined,
};

/** No watch tells of the Secret, and no other request gets through. */
export const ALONE = { onSecretChange: () => () => undefined, outage: new Notifier() };

export const secretIn = (namespace: string): ObjectRef => ({
  resource: Secrets,
  namespace,
  name: CERT_SECRET,
});

/** A world over `kube`; the Secret is deleted when it closes. */
export function managedWorld(kube: Kube, namespace: string): CertWorld {
  const clock = new ManualClock();
  const log = new CapturedLog();
  let away = false;
  const reached = cuttable(kube, () => away);
  clock.waitFor(() => reached.asked.size > 0);
  return {
    hosts: HOSTS,
    nowMs: () => clock.nowMs(),
    source: () =>
      new ManagedSource(
        { kube: reached.kube, clock, log, callers: trusting, ...ALONE },
        settingsIn(namespace),
      ),
    replace: () => replaceContent(kube, namespace),
    corrupt: async () => {
      const value = Buffer.from('no certificate').toString('base64');
      await kube.patch(secretIn(namespace), [{ op: 'replace', path: '/data/tls.crt', value }]);
    },
    cutOff: (cut) => {
      away = cut;
    },
    pass: (promise) => clock.pass(promise),
    passUntil: (condition) => clock.passUntil(condition),
    idle: () => idle(clock),
    close: () => kube.delete(secretIn(namespace), {}),
  };
}

/** Content as another replica could have written it, of another CA. */
export async function goodContent(nowMs: number, hosts = HOSTS) {
  const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + 30 * DAY_MS };
  const authority = await createAuthority(validity);
  const leaf = await issueLeaf(authority, { ...validity, hosts });
  return { caPem: authority.certPem, caKeyPem: authority.keyPem, ...leaf };
}

/** Good content of no replica here; made once. */
export const FOREIGN = await goodContent(NOW_MS);

/** Writes good content over what is there, as often as a source under test writes first. */
async function replaceContent(kube: Kube, namespace: string) {
  const content = FOREIGN;
  for (;;) {
    const secret = await readSecret(kube, namespace);
    assert.ok(secret);
    try {
      await fillSecret(kube, secret, content);
      return content;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}

function idle(clock: ManualClock): Promise<void> {
  const endMs = clock.monotonicMs() + 5 * MINUTE_MS;
  return clock.passUntil(() => clock.monotonicMs() >= endMs);
}

/** `kube`, but no request gets through while `away()` is true; and the requests that are under way. */
function cuttable(kube: Kube, away: () => boolean): { kube: Kube; asked: ReadonlySet<Promise<unknown>> } {
  const asked = new Set<Promise<unknown>>();
  const note = (answer: Promise<unknown>): Promise<unknown> => {
    asked.add(answer);
    const end = () => void asked.delete(answer);
    answer.then(end, end);
    return answer;
  };
  const reached = new Proxy(kube, {
    get(target, property) {
      if (away()) {
        return () => Promise.reject(new KubeError('connect ECONNREFUSED', { status: 0 }));
      }
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      // A watch goes on, and is nothing to wait for.
      return property === 'watch'
        ? value.bind(target)
        : (...args: unknown[]) => note(value.apply(target, args));
    },
  });
  return { kube: reached, asked };
}
