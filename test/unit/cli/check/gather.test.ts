/** What `stellar-peers check` reads, and what becomes of what it may not read. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSettings } from '../../../../app/settings.ts';
import { evaluate } from '../../../../cli/check/evaluate.ts';
import { gatherFacts, type Request } from '../../../../cli/check/gather.ts';
import { tryPod } from '../../../../cli/check/trial.ts';
import type { Trials } from '../../../../runtime/kube/client.ts';
import { KubeError, type KubeObject } from '../../../../runtime/kube/port.ts';
import * as kinds from '../../../../runtime/kube/resources.ts';
import { networkParts } from '../../reconciler/group.ts';
import { MemoryKube } from '../../stand-ins/memory-kube.ts';
import { factsWith, NOW_MS, webhookWith } from './healthy.ts';

const forbidden = (what: string) =>
  new KubeError(
    `GET /x: 403 ${what} is forbidden: User "me" cannot list resource "${what}" in API group ""`,
    {
      status: 403,
      reason: 'Forbidden',
    },
  );

const answering: Trials = {
  version: async () => 'v1.37.0',
  tryCreate: async (_, pod) => ({ ...pod, spec: { volumes: [{ name: 'stellar-peers' }] } }),
};

const requestOf = (kube: MemoryKube, changed: Partial<Request> = {}): Request => ({
  kube,
  trials: answering,
  nowMs: () => NOW_MS,
  when: 'after',
  commandVersion: '0.1.0',
  settings: readSettings({}),
  settingsProblem: undefined,
  ...changed,
});

/** A cluster with three validators and our webhook configuration, in which no right is granted. */
async function cluster(): Promise<MemoryKube> {
  const kube = new MemoryKube();
  const { create } = kube;
  kube.create = (resource, body) =>
    resource.kind.endsWith('AccessReview')
      ? Promise.resolve({ ...body, status: { allowed: false } })
      : create(resource, body);
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

describe('what is read', () => {
  it('is the World and what stands around it', async () => {
    const facts = await gatherFacts(requestOf(await cluster()));
    assert.deepEqual([...facts.unread], []);
    assert.equal(facts.serverVersion, 'v1.37.0');
    assert.equal(facts.world.nodes.size, 3);
    assert.deepEqual(facts.world.webhook?.entries.length, 1);
    assert.equal(facts.webhookConfiguration?.metadata !== undefined, true);
    assert.equal(facts.nowMs, NOW_MS);
    assert.ok(facts.accountRightsMissing.length > 30);
  });

  it('before the install is no more than that', async () => {
    const facts = await gatherFacts(requestOf(await cluster(), { when: 'before' }));
    assert.deepEqual(facts.accountRightsMissing, []);
    assert.deepEqual(facts.trial, { kind: 'none' });
  });

  it('is all that is asked for: nothing is written', async () => {
    const kube = await cluster();
    kube.requests.length = 0;
    await gatherFacts(requestOf(kube));
    assert.deepEqual(
      kube.requests.filter((request) => !/^(get|list) /.test(request)),
      [],
    );
  });
});

describe('what may not be read', () => {
  it('is noted with the right that is missing, and the rest is read all the same', async () => {
    const kube = await cluster();
    kube.intercept = (request) => {
      if (/^list .*\/pods$/.test(request)) throw forbidden('pods');
      if (/secrets/.test(request)) throw forbidden('secrets');
    };
    const facts = await gatherFacts(requestOf(kube));
    assert.deepEqual(Object.fromEntries(facts.unread), {
      pods: 'you may not list resource "pods" in API group ""',
      certificate: 'you may not list resource "secrets" in API group ""',
    });
    assert.equal(facts.world.nodes.size, 3);
    assert.equal(evaluate(facts).find(({ id }) => id === 'restarts')?.verdict, 'skipped');
  });

  it('may be everything: then every check is skipped, and none fails', async () => {
    const kube = new MemoryKube();
    kube.intercept = () => {
      throw forbidden('anything');
    };
    const version = async () => Promise.reject(forbidden('version'));
    const findings = evaluate(await gatherFacts(requestOf(kube, { trials: { ...answering, version } })));
    const told = findings.filter(({ verdict }) => verdict !== 'skipped').map(({ id }) => id);
    assert.deepEqual(told, []);
  });

  it('is nothing where the API server does not know the kind', async () => {
    const kube = await cluster();
    kube.intercept = (request) => {
      if (/^list .*stellarnodes/.test(request)) throw new KubeError('404 not found', { status: 404 });
    };
    const facts = await gatherFacts(requestOf(kube));
    assert.equal(facts.world.nodes.size, 0);
    assert.deepEqual([...facts.unread], []);
  });

  it('is no finding where no server answers, or we are not known', async () => {
    for (const status of [0, 401]) {
      const kube = await cluster();
      kube.intercept = () => {
        throw new KubeError('no', { status });
      };
      await assert.rejects(gatherFacts(requestOf(kube)), { status });
    }
  });
});

describe('the pod for trial', () => {
  const asked = async (known = factsWith(), tryCreate = answering.tryCreate) => {
    const bodies: KubeObject[] = [];
    const trials: Trials = {
      ...answering,
      tryCreate: (resource, body) => {
        bodies.push(body);
        return tryCreate(resource, body);
      },
    };
    return { trial: await tryPod(trials, known), bodies };
  };

  it('is one of a validator, by owner and labels, and no larger than it must be', async () => {
    const { trial, bodies } = await asked();
    assert.deepEqual([trial.kind, bodies.length], ['answered', 1]);
    const [pod] = bodies;
    assert.equal(pod?.metadata.name, 'a-stellar-peers-check');
    assert.equal(pod?.metadata.labels?.['stellar.org/node-type'], 'Validator');
    assert.deepEqual(pod?.metadata.ownerReferences, [
      { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'a', uid: 'sts-a', controller: true },
    ]);
  });

  it('is none of a validator that is opted out, or that the webhook does not select', async () => {
    const out = { node: { annotations: { 'stellar.org/peer-injection': 'disabled' } } };
    const first = await asked(factsWith({ specs: { a: out, b: {}, c: {} } }));
    assert.equal(first.bodies[0]?.metadata.name, 'b-stellar-peers-check');
    const wanted = { node: { annotations: { 'stellar.org/peer-injection': 'enabled' } } };
    const enabled = await asked(factsWith({ specs: { a: wanted, b: {}, c: {} } }));
    assert.equal(enabled.bodies[0]?.metadata.name, 'a-stellar-peers-check');
    const elsewhere = webhookWith({ namespaceSelector: { matchLabels: { team: 'x' } } });
    assert.deepEqual(await asked(factsWith({ parts: { webhook: elsewhere } })), {
      trial: { kind: 'none' },
      bodies: [],
    });
  });

  it('that may not be made is a right that is missing; that is refused says by whom', async () => {
    const failing = (status: number, message: string) => () =>
      Promise.reject(new KubeError(message, { status }));
    await assert.rejects(asked(factsWith(), failing(403, 'User "me" cannot create resource "pods"')), {
      status: 403,
    });
    const { trial } = await asked(factsWith(), failing(403, 'exceeded quota: compute'));
    assert.deepEqual(trial, { kind: 'refused', node: 'stellar/a', why: 'exceeded quota: compute' });
    await assert.rejects(asked(factsWith(), failing(0, 'no answer')), { status: 0 });
  });
});
