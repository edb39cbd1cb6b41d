/** Where private keys are stored, and where no private key may appear. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { ManagedSource } from '../../../certs/managed.ts';
import { type Fields, fieldsOf, listOf } from '../../../peers/field.ts';
import { type Kube, KubeError, type KubeObject } from '../../../runtime/kube/port.ts';
import { createLog } from '../../../runtime/log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { nextOf } from './conformance.ts';
import { SECRET, writesOf } from './managed-stage.ts';
import { ALONE, settingsIn, trusting } from './managed-world.ts';

const manifest = (path: string): Fields =>
  fieldsOf(
    parse(readFileSync(new URL(`../../../manifests/${path}`, import.meta.url), 'utf8'), { version: '1.1' }),
  );

/** Makes a first certificate, with the most verbose log. Three writes are refused, and each refusal quotes the whole Secret. */
async function scene() {
  const memory = new MemoryKube();
  const clock = new ManualClock();
  const lines: string[] = [];
  const bodies: KubeObject[] = [];
  const replace: Kube['replace'] = (ref, body) => {
    bodies.push(body);
    if (bodies.length > 3) return memory.replace(ref, body);
    const cause = new Error(`policy refused ${JSON.stringify(body)}`);
    return Promise.reject(new KubeError(`PUT: 422 ${JSON.stringify(body)}`, { status: 422, cause }));
  };
  const kube: Kube = { ...memory, replace };
  const log = createLog('debug', { write: (line) => lines.push(line) });
  const source = new ManagedSource(
    { kube, clock, log, callers: trusting, ...ALONE },
    settingsIn('stellar-peers'),
  );
  const stop = new AbortController();
  await clock.pass(nextOf(source, undefined, stop.signal));
  return { memory, lines, bodies, end: () => stop.abort() };
}

describe('private keys', () => {
  let memory: MemoryKube;
  let lines: readonly string[];
  let bodies: KubeObject[];
  let end: () => void;
  before(async () => {
    ({ memory, lines, bodies, end } = await scene());
  });
  after(() => end());

  it('are in no line of the log, even if the API server or a policy quotes the Secret', () => {
    const text = lines.join('');
    assert.ok(lines.length >= 5, 'refusals and writes are told');
    assert.match(text, /422/);
    assert.doesNotMatch(text, /PRIVATE KEY/);
    for (const { data } of bodies as Array<{ data?: Record<string, string> }>) {
      for (const name of ['tls.key', 'ca.key']) {
        const encoded = data?.[name] ?? '';
        if (encoded === '') continue;
        assert.ok(!text.includes(encoded.slice(0, 60)), `${name} as it stands in the Secret`);
        const pem = Buffer.from(encoded, 'base64').toString();
        const material = pem.split('\n').filter((line) => /^[\w+/=]{16,}$/.test(line));
        assert.ok(material.length > 2);
        for (const line of material) assert.ok(!text.includes(line), `${name} as PEM`);
      }
    }
  });

  it('that we make are written to one Secret and nowhere else', () => {
    const places = new Set(writesOf(memory).map((request) => request.replace(/^\w+ /, '')));
    assert.deepEqual([...places], [`/api/v1/namespaces/${SECRET.namespace}/secrets/${SECRET.name}`]);
  });

  it('are on disk only if cert-manager mounts them, readable for our group only', () => {
    const base = fieldsOf(fieldsOf(fieldsOf(manifest('base/deployment.yaml').spec).template).spec);
    assert.equal(base.volumes, undefined);
    const mounted = fieldsOf(fieldsOf(fieldsOf(manifest('cert-manager/deployment.yaml').spec).template).spec);
    const secrets = listOf(mounted.volumes).map((volume) => fieldsOf(volume.secret));
    assert.deepEqual(
      secrets.map(({ defaultMode }) => Number(defaultMode).toString(8)),
      ['440'],
    );
    const [, group] =
      /^USER \d+:(\d+)$/m.exec(readFileSync(new URL('../../../Dockerfile', import.meta.url), 'utf8')) ?? [];
    assert.equal(fieldsOf(mounted.securityContext).fsGroup, Number(group));
    const mounts = listOf(mounted.containers).flatMap(({ volumeMounts }) => listOf(volumeMounts));
    assert.ok(mounts.length > 0 && mounts.every(({ readOnly }) => readOnly === true));
  });
});
