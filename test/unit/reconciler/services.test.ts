import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discover.ts';
import type { KubeObject } from '../../../runtime/kube.ts';
import { type ObjectRef, Services } from '../../../runtime/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { node, type Parts, statefulSet, worldWith } from '../world.ts';
import { DISCOVERY } from './group.ts';
import { Publishing, running } from './publishing.ts';

const serviceOf = (name: string): ObjectRef => ({
  resource: Services,
  namespace: 'stellar',
  name: `${name}-headless`,
});

const service = (name: string, spec: object): KubeObject => ({
  metadata: { name, namespace: 'stellar', uid: `service-${name}` },
  spec,
});

const creations = ({ kube }: Publishing) => kube.requests.filter((request) => request.startsWith('create'));

describe('the governing Service of a validator', () => {
  it('is created where it is missing, headless, for pods that are not Ready too', async () => {
    const publishing = new Publishing();
    assert.deepEqual(await publishing.servicesPass(running('a')), {});
    assert.deepEqual(publishing.kube.observe(serviceOf('a'))?.spec, {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      ipFamilyPolicy: 'PreferDualStack',
      selector: statefulSetSelector(),
      ports: [{ name: 'peer', port: 11_625, targetPort: 11_625, protocol: 'TCP' }],
    });
  });

  it('goes with its StellarNode, and never holds up its deletion', async () => {
    const publishing = new Publishing();
    await publishing.servicesPass(running('a'));
    assert.deepEqual(publishing.kube.observe(serviceOf('a'))?.metadata.ownerReferences, [
      { apiVersion: 'stellar.org/v1alpha1', kind: 'StellarNode', name: 'a', uid: 'node-a' },
    ]);
  });

  it('has the port of the validator', async () => {
    const publishing = new Publishing();
    const spec = { validatorConfig: { peerPort: 11_725 } };
    await publishing.servicesPass({ nodes: [node('a', { spec })], statefulSets: [statefulSet('a')] });
    const created = publishing.kube.observe(serviceOf('a'))?.spec as { ports: Array<{ port: number }> };
    assert.equal(created.ports[0]?.port, 11_725);
  });

  it('is not created a second time, also before a watch has told of it', async () => {
    const publishing = new Publishing();
    await publishing.servicesPass(running('a', 'b'));
    assert.equal(creations(publishing).length, 2);
    publishing.clock.advance(60_000);
    await publishing.servicesPass(running('a', 'b'));
    assert.equal(creations(publishing).length, 2);
    const world = worldWith(running('c'));
    const plan = { create: [...world.statefulSets.values()].map(withValidator), reports: new Map() };
    await publishing.publisher.createServices(plan);
    await publishing.publisher.createServices(plan);
    assert.equal(creations(publishing).length, 3);
  });

  it('is left to whoever was faster', async () => {
    const publishing = new Publishing();
    const world = worldWith(running('a'));
    await publishing.kube.create(Services, service('a-headless', { clusterIP: 'None' }));
    const before = publishing.kube.observe(serviceOf('a'));
    const create = [...world.statefulSets.values()].map(withValidator);
    await publishing.publisher.createServices({ create, reports: new Map() });
    assert.deepEqual(publishing.kube.observe(serviceOf('a')), before);
    assert.deepEqual(publishing.log.with(/did not succeed/), []);
  });

  it('is never changed when it is there, but reported where it cannot serve', async () => {
    const publishing = new Publishing();
    publishing.kube.seed(Services, [
      service('a-headless', { clusterIP: '10.96.0.1', publishNotReadyAddresses: true }),
      service('b-headless', { clusterIP: 'None' }),
      service('c-headless', { clusterIP: 'None', publishNotReadyAddresses: true }),
    ]);
    assert.deepEqual(await publishing.servicesPass(running('a', 'b', 'c')), {
      'stellar/a': 'ServiceNotHeadless',
      'stellar/b': 'ServiceHidesNotReady',
    });
    assert.deepEqual(publishing.writes(), []);
  });

  it('is not made for a StatefulSet that names none, that another controls, or that is not there', async () => {
    const cases: Parts[] = [
      { nodes: [node('a')] },
      { nodes: [node('a')], statefulSets: [statefulSet('a', { ownerUid: 'of-somebody-else' })] },
      { nodes: [node('a')], statefulSets: [statefulSet('a', { spec: { serviceName: '' } })] },
      { statefulSets: [statefulSet('a')] },
    ];
    for (const parts of cases) {
      const publishing = new Publishing();
      await publishing.servicesPass(parts);
      assert.deepEqual(publishing.writes(), []);
    }
  });

  it('is not made with a name of more than 63 characters; its validator is told why it is no peer', async () => {
    const fits = 'a'.repeat(54);
    const tooLong = 'b'.repeat(55);
    const publishing = new Publishing();
    await publishing.servicesPass(running(fits, tooLong));
    assert.deepEqual(creations(publishing), [`create /api/v1/namespaces/stellar/services/${fits}-headless`]);
    const { skipped } = discover(worldWith(running(fits, tooLong)), DISCOVERY);
    assert.deepEqual(
      [...skipped].map(([key, { code }]) => [key, code]),
      [[`stellar/${tooLong}`, 'NameTooLong']],
    );
  });

  it('that is refused is tried again only after minutes, while others go on', async () => {
    const publishing = new Publishing();
    publishing.kube.intercept = (request) => {
      if (request === 'create /api/v1/namespaces/stellar/services/a-headless') {
        throw failure(403, 'Forbidden', 'a policy says no');
      }
    };
    await publishing.servicesPass(running('a', 'b'));
    assert.ok(publishing.kube.observe(serviceOf('b')));
    assert.equal(publishing.log.with(/did not succeed/)[0]?.fields.reason, 'RefusedByPolicy');
    publishing.clock.advance(119_000);
    await publishing.servicesPass(running('a', 'b'));
    assert.equal(creations(publishing).length, 2);
    publishing.clock.advance(1_000);
    await publishing.servicesPass(running('a', 'b'));
    assert.equal(creations(publishing).length, 3);
  });
});

type World = ReturnType<typeof worldWith>;
type Facts = World['statefulSets'] extends ReadonlyMap<string, infer V> ? V : never;

function withValidator(facts: Facts) {
  const reading = worldWith({ nodes: [node(facts.name)] }).nodes.get(facts.key);
  if (reading?.kind !== 'validator') throw new Error('no validator');
  return { validator: reading.validator, statefulSet: facts };
}

function statefulSetSelector() {
  const { selector } = statefulSet('a').spec as { selector: { matchLabels: Record<string, string> } };
  return selector.matchLabels;
}
