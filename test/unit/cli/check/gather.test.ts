/** Which objects `stellar-peers check` reads, and how it treats objects that it may not read. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSettings } from '../../../../app/settings.ts';
import { evaluate } from '../../../../cli/check/evaluate.ts';
import { gatherFacts, type Request } from '../../../../cli/check/gather.ts';
import { KubeError, type KubeObject } from '../../../../runtime/kube/port.ts';
import * as kinds from '../../../../runtime/kube/resources.ts';
import { networkParts } from '../../reconciler/group.ts';
import { MemoryKube } from '../../stand-ins/memory-kube.ts';
import { NOW_MS, webhookWith } from './healthy.ts';

const forbidden = (what: string) =>
  new KubeError(
    `GET /x: 403 ${what} is forbidden: User "me" cannot list resource "${what}" in API group ""`,
    {
      status: 403,
      reason: 'Forbidden',
    },
  );

const requestOf = (kube: MemoryKube, changed: Partial<Request> = {}): Request => ({
  kube: Object.assign(kube, { version: async () => 'v1.37.0' }),
  nowMs: () => NOW_MS,
  when: 'after',
  commandVersion: '0.1.0',
  settings: readSettings({}),
  ...changed,
});

/** A cluster with three validators and our webhook configuration, in which no right is granted. */
async function cluster(): Promise<MemoryKube> {
  const kube = new MemoryKube();
  const { nodes = [], statefulSets = [], pods = [], namespaces = [] } = networkParts({ a: {}, b: {}, c: {} });
  const all: Array<[kinds.Resource, readonly unknown[]]> = [
    [kinds.StellarNodes, nodes],
    [kinds.StatefulSets, statefulSets],
    [kinds.Pods, pods],
    [kinds.Namespaces, namespaces],
    [kinds.MutatingWebhookConfigurations, [webhookWith(), { metadata: { name: 'other' } }]],
  ];
  for (const [resource, objects] of all)
    for (const object of objects) await kube.create(resource, structuredClone(object) as KubeObject);
  return kube;
}

describe('the check', () => {
  it('reads the World and the objects around it', async () => {
    const facts = await gatherFacts(requestOf(await cluster()));
    assert.deepEqual([...facts.unread], []);
    assert.equal(facts.serverVersion, 'v1.37.0');
    assert.equal(facts.world.nodes.size, 3);
    assert.deepEqual(facts.world.webhook?.entries.length, 1);
    assert.equal(facts.webhookConfiguration?.metadata !== undefined, true);
    assert.equal(facts.nowMs, NOW_MS);
  });

  it('sends only reading requests', async () => {
    const kube = await cluster();
    kube.requests.length = 0;
    await gatherFacts(requestOf(kube));
    assert.deepEqual(
      kube.requests.filter((request) => !/^(get|list) /.test(request)),
      [],
    );
  });
});

describe('an object that may not be read', () => {
  it('is noted with the missing right, and the others are still read', async () => {
    const kube = await cluster();
    kube.intercept = (request) => {
      if (/^list .*\/pods$/.test(request)) throw forbidden('pods');
      if (/secrets/.test(request)) throw forbidden('secrets');
    };
    const facts = await gatherFacts(requestOf(kube));
    assert.deepEqual(Object.fromEntries(facts.unread), {
      world: 'you may not list resource "pods" in API group ""',
      certificate: 'you may not list resource "secrets" in API group ""',
    });
    assert.equal(evaluate(facts).find(({ id }) => id === 'restarts')?.verdict, 'skipped');
  });

  it('leads to skipped checks, and to no failure, even if no object may be read', async () => {
    const kube = new MemoryKube();
    kube.intercept = () => {
      throw forbidden('anything');
    };
    const version = () => Promise.reject(forbidden('version'));
    const request = { ...requestOf(kube), kube: Object.assign(kube, { version }) };
    const findings = evaluate(await gatherFacts(request));
    const told = findings.filter(({ verdict }) => verdict !== 'skipped').map(({ id }) => id);
    assert.deepEqual(told, []);
  });

  it('may be of a kind that the API server does not know, such as a StellarNode before the operator is installed', async () => {
    const kube = await cluster();
    kube.intercept = (request) => {
      if (/^list .*stellarnodes/.test(request)) throw new KubeError('404 not found', { status: 404 });
    };
    const facts = await gatherFacts(requestOf(kube));
    assert.deepEqual([...facts.unread], [['world', '404 not found']]);
  });

  it('is not noted if no server answers, or the server does not accept our credentials', async () => {
    for (const status of [0, 401]) {
      const kube = await cluster();
      kube.intercept = () => {
        throw new KubeError('no', { status });
      };
      await assert.rejects(gatherFacts(requestOf(kube)), { status });
    }
  });
});
