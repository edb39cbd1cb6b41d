import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { reason } from '../../../peers/reasons/reasons.ts';
import { currentReasons } from '../../../reconciler/plan/status/current-reasons.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { type ObjectRef, Services } from '../../../runtime/kube/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { node, type Parts, statefulSet, worldWith } from '../world.ts';
import { DISCOVERY, NOW_MS } from './group.ts';
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

  it('is left to the faster writer', async () => {
    const publishing = new Publishing();
    const world = worldWith(running('a'));
    await publishing.kube.create(Services, service('a-headless', { clusterIP: 'None' }));
    const before = publishing.kube.observe(serviceOf('a'));
    const create = [...world.statefulSets.values()].map(withValidator);
    await publishing.publisher.createServices({ create, reports: new Map() });
    assert.deepEqual(publishing.kube.observe(serviceOf('a')), before);
    assert.deepEqual(publishing.log.with(/write failed/), []);
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
      { nodes: [node('a')], statefulSets: [statefulSet('a', { ownerUid: 'of-a-stranger' })] },
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

  it('that is refused is tried again every 15 s, one of each namespace, while others go on', async () => {
    const publishing = new Publishing();
    const refused = new Set(['a', 'c']);
    publishing.kube.intercept = (request) => {
      const [, name = ''] = /^create .*\/services\/(.)-headless$/.exec(request) ?? [];
      if (refused.has(name)) throw failure(403, 'Forbidden', 'exceeded quota');
    };
    const all = running('a', 'b', 'c');
    await publishing.servicesPass(all);
    assert.ok(publishing.kube.observe(serviceOf('b')));
    assert.equal(publishing.log.with(/write failed/)[0]?.fields.reason, 'RefusedByPolicy');
    assert.deepEqual([...publishing.publisher.refusals.keys()], ['stellar/a', 'stellar/c']);
    await publishing.servicesPass(all);
    assert.equal(creations(publishing).length, 3);
    assert.ok((publishing.publisher.retryInMs() ?? Number.POSITIVE_INFINITY) <= 15_000);
    for (const name of ['a', 'c']) {
      publishing.clock.advance(15_000);
      await publishing.servicesPass(all);
      assert.match(creations(publishing).at(-1) ?? '', new RegExp(`/${name}-headless$`), 'each in its turn');
    }
    assert.equal(creations(publishing).length, 5);
  });

  it('that was refused is made within 15 s once it is let in, and then all others at once', async () => {
    const publishing = new Publishing();
    let isFull = true;
    publishing.kube.intercept = (request) => {
      if (isFull && request.startsWith('create')) throw failure(403, 'Forbidden', 'exceeded quota');
    };
    const all = running('a', 'b', 'c');
    await publishing.servicesPass(all);
    isFull = false;
    publishing.clock.advance(15_000);
    await publishing.servicesPass(all);
    await publishing.servicesPass(all);
    for (const name of ['a', 'b', 'c']) assert.ok(publishing.kube.observe(serviceOf(name)), name);
    assert.equal(publishing.publisher.refusals.size, 0);
  });
});

describe('a Service that fails in another way', () => {
  it('keeps those waiting no longer that a quota refused with it', async () => {
    const publishing = new Publishing();
    let isFull = true;
    publishing.kube.intercept = (request) => {
      if (!request.startsWith('create')) return;
      if (isFull) throw failure(403, 'Forbidden', 'exceeded quota');
      if (request.endsWith('/a-headless')) throw failure(500, 'InternalError', 'failed calling webhook');
    };
    const all = running('a', 'b', 'c');
    await publishing.servicesPass(all);
    isFull = false;
    for (let pass = 0; pass < 4; pass += 1) {
      publishing.clock.advance(15_000);
      await publishing.servicesPass(all);
    }
    for (const name of ['b', 'c']) assert.ok(publishing.kube.observe(serviceOf(name)), name);
  });
});

describe('a Service that is missing', () => {
  const codes = (secondsAgo: number, extra: Parts = {}) => {
    const createdAt = new Date(NOW_MS - secondsAgo * 1000).toISOString();
    const world = worldWith({
      nodes: [node('a')],
      statefulSets: [statefulSet('a', { createdAt })],
      ...extra,
    });
    const moment = { world, discovery: discover(world, DISCOVERY), nowMs: NOW_MS };
    return currentReasons(moment, { reports: new Map() }, new Map())
      .get('stellar/a')
      ?.map(({ code }) => code);
  };

  it('is told of its validator, once the leader had time to make it', () => {
    assert.deepEqual([codes(5), codes(60)], [undefined, ['ServiceMissing']]);
  });

  it('is told by the leader where it was refused, with what refused it', () => {
    const world = worldWith(running('a', 'b'));
    const moment = { world, discovery: discover(world, DISCOVERY), nowMs: NOW_MS };
    const reports = new Map([['stellar/a', reason('RefusedByPolicy', 'exceeded quota')]]);
    const told = currentReasons(moment, { reports }, new Map(), new Map());
    assert.deepEqual(
      told.get('stellar/a')?.map(({ code }) => code),
      ['RefusedByPolicy', 'ServiceMissing'],
    );
    assert.equal(told.get('stellar/b'), undefined, 'it was made a moment ago');
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
