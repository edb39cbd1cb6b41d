/**
 * The mounted source over a folder of its own, in a world that the conformance suite can disturb.
 */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MountedSource } from '../../../certs/mounted.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { MountedSecret } from '../stand-ins/mounted-secret.ts';
import type { CertWorld } from './conformance.ts';
import { goodContent, HOSTS, MINUTE_MS } from './managed-world.ts';

type Pem = { readonly caPem: string; readonly certPem: string; readonly keyPem: string };

export const filesOf = ({ caPem, certPem, keyPem }: Pem): Record<string, string> => ({
  'ca.crt': caPem,
  'tls.crt': certPem,
  'tls.key': keyPem,
});

/** A folder with a good certificate in it, and what is needed to read it. */
export async function mountedFolder() {
  const root = mkdtempSync(join(tmpdir(), 'mounted-'));
  const secret = new MountedSecret(join(root, 'certs'));
  const clock = new ManualClock();
  const log = new CapturedLog();
  const good = await goodContent(clock.nowMs());
  secret.write(filesOf(good));
  const source = () => new MountedSource({ folder: secret.folder, clock, log, hosts: HOSTS });
  return { root, secret, clock, log, good, source, close: () => rmSync(root, { recursive: true }) };
}

export async function mountedWorld(): Promise<CertWorld> {
  const { root, secret, clock, good, source, close } = await mountedFolder();
  return {
    hosts: HOSTS,
    nowMs: () => clock.nowMs(),
    source,
    replace: async () => {
      const content = await goodContent(clock.nowMs());
      secret.write(filesOf(content));
      return content;
    },
    corrupt: async () => secret.write({ ...filesOf(good), 'tls.crt': 'no certificate' }),
    cutOff: (cut) => {
      const away = join(root, 'away');
      renameSync(cut ? secret.folder : away, cut ? away : secret.folder);
    },
    pass: (promise) => clock.pass(promise),
    passUntil: (condition) => clock.passUntil(condition),
    idle: () => {
      const endMs = clock.monotonicMs() + 5 * MINUTE_MS;
      return clock.passUntil(() => clock.monotonicMs() >= endMs);
    },
    close: async () => close(),
  };
}
