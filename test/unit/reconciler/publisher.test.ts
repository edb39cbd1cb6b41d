import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { Publisher } from '../../../reconciler/apply/publisher.ts';
import { whileLeading } from '../../../reconciler/leader/leading-kube.ts';
import { type Kube, KubeError } from '../../../runtime/kube/port.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { OWN, Publishing, peersIn, running } from './publishing.ts';

const PARTS = running('a', 'b');
const KEY = 'a.peers.txt';

/** Everything published once. */
async function published(parts = PARTS) {
  const publishing = new Publishing();
  await publishing.pass(parts);
  publishing.clock.advance(60_000);
  return { publishing, right: publishing.data('stellar') };
}

const appliesTo = ({ kube }: Publishing, namespace: string) =>
  kube.requests.filter((request) => request.startsWith(`apply /api/v1/namespaces/${namespace}/`)).length;

const refuseWrites = (publishing: Publishing, status: number, retryAfterSeconds?: number) => {
  publishing.kube.intercept = (request) => {
    if (request.startsWith('apply /api/v1/namespaces/stellar/')) {
      throw failure(status, '', 'no', retryAfterSeconds);
    }
  };
};

describe('a person’s edit of a key of ours', () => {
  it('is taken back', async () => {
    const { publishing, right } = await published();
    await publishing.edit('stellar', KEY, 'somewhere else\n');
    assert.deepEqual(await publishing.pass(PARTS), ['stellar']);
    assert.deepEqual(publishing.data('stellar'), right);
    const facts = readConfigMap(publishing.kube.observe(peersIn('stellar')) ?? {});
    assert.deepEqual(facts.ownKeys, Object.keys(right).sort());
    assert.deepEqual(await publishing.pending(PARTS), []);
  });

  it('is taken back at most every two seconds, however often it is made', async () => {
    const { publishing, right } = await published();
    const before = publishing.log.with(/reverting manual edits/).length;
    let taken = 0;
    for (let turn = 0; turn < 100; turn += 1) {
      await publishing.edit('stellar', KEY, `edit ${turn}\n`);
      await publishing.pass(PARTS);
      if (publishing.data('stellar')[KEY] === right[KEY]) taken += 1;
      publishing.clock.advance(100);
    }
    assert.equal(taken, 5);
    assert.equal(publishing.log.with(/reverting manual edits/).length - before, 5);
    publishing.clock.advance(2_000);
    await publishing.pass(PARTS);
    assert.deepEqual(publishing.data('stellar'), right);
  });

  it('is taken back also if each request takes more than half a second', async () => {
    const { publishing, right } = await published();
    await publishing.edit('stellar', KEY, 'somewhere else\n');
    publishing.kube.intercept = (request) => {
      if (request.includes('/stellar/')) publishing.clock.advance(600);
    };
    await publishing.pass(PARTS);
    assert.deepEqual(publishing.data('stellar'), right);
  });

  it('that cannot be taken back yet gives the time for the next look', async () => {
    const { publishing } = await published();
    for (const value of ['one\n', 'two\n']) {
      await publishing.edit('stellar', KEY, value);
      await publishing.pass(PARTS);
      publishing.clock.advance(500);
    }
    assert.equal(publishing.publisher.retryInMs(), 1_000);
  });
});

describe('a key that another controller applies', () => {
  it('is left to that controller, also while a person’s edit of another key is taken back', async () => {
    const { publishing, right } = await published();
    await publishing.foreignApply('stellar', { [KEY]: 'theirs\n' });
    await publishing.edit('stellar', 'b.peers.txt', 'somewhere else\n');
    await publishing.pass(PARTS);
    assert.deepEqual(publishing.data('stellar'), { ...right, [KEY]: 'theirs\n' });
    assert.deepEqual(await publishing.pending(PARTS), []);
  });

  it('is left to that controller if it wrote between the plan and the write', async () => {
    const { publishing, right } = await published();
    const parts = running('a', 'b', 'c');
    const plan = await publishing.plan(parts);
    await publishing.foreignApply('stellar', { [KEY]: 'theirs\n' });
    await publishing.publisher.publish(plan.configMaps);
    assert.deepEqual(publishing.data('stellar'), { ...right, [KEY]: 'theirs\n' }, 'the plan was old');
    publishing.clock.advance(50);
    await publishing.pass(parts);
    assert.equal(publishing.data('stellar')[KEY], 'theirs\n');
    assert.notEqual(publishing.data('stellar')['b.peers.txt'], right['b.peers.txt']);
    assert.deepEqual(await publishing.pending(parts), []);
  });
});

describe('the first ConfigMap of a namespace, while its watch is behind', () => {
  it('is written once, so that its date of publication stays', async () => {
    const publishing = new Publishing();
    const parts = running('a', 'b');
    const unaware = await publishing.plan(parts);
    await publishing.publisher.publish(unaware.configMaps);
    const first = publishing.data('stellar');
    assert.ok(first['a.view.json']?.includes('publishedAt'));
    for (let second = 0; second < 60; second += 1) {
      publishing.clock.advance(1_000);
      await publishing.publisher.publish(publishing.planUnaware(parts).configMaps);
    }
    assert.deepEqual(publishing.data('stellar'), first);
    publishing.clock.advance(1_000);
    await publishing.pass(running('a', 'b', 'c'));
    assert.match(publishing.data('stellar')[KEY] ?? '', /c-0/, 'it goes on once the watch has told');
  });
});

describe('a ConfigMap whose watch is behind', () => {
  it('is written once a second at most, and not in each pass', async () => {
    const { publishing } = await published();
    const more = running('a', 'b', 'c');
    const behind = (await publishing.plan(more)).configMaps;
    await publishing.pass(more);
    const before = appliesTo(publishing, 'stellar');
    for (let pass = 0; pass < 500; pass += 1) {
      publishing.clock.advance(20);
      const plannedAtMs = publishing.clock.nowMs();
      await publishing.publisher.publish(behind.map((write) => ({ ...write, plannedAtMs })));
    }
    assert.equal(appliesTo(publishing, 'stellar') - before, 10);
  });
});

describe('a write that was planned before another wrote', () => {
  it('changes nothing, because the other writer may be a leader with newer data', async () => {
    const { publishing } = await published();
    const late = await publishing.plan(running('a', 'b', 'c'));
    const another = new Publisher({ ...publishing, ownNamespace: OWN });
    await another.publish((await publishing.plan(running('a', 'b', 'c', 'd'))).configMaps);
    const right = publishing.data('stellar');
    await publishing.publisher.publish(late.configMaps);
    assert.deepEqual(publishing.data('stellar'), right);
  });

  it('is not tried for a second if the other write was our own', async () => {
    const { publishing } = await published();
    const late = await publishing.plan(running('a', 'b', 'c'));
    const own = late.configMaps.filter(({ namespace }) => namespace === 'stellar');
    await publishing.pass(running('a', 'b', 'c', 'd'));
    const before = publishing.writes().length;
    await publishing.publisher.publish(own);
    assert.deepEqual([publishing.writes().length - before, publishing.publisher.retryInMs()], [0, 1_000]);
    publishing.clock.advance(1_000);
    await publishing.publisher.publish(own);
    assert.equal(publishing.writes().length - before, 1);
  });

  it('removes nothing if the plan found no ConfigMap, and another leader has created it since', async () => {
    const publishing = new Publishing();
    const late = await publishing.plan(running('a', 'b'));
    let right = {};
    publishing.kube.intercept = async (request) => {
      if (!request.startsWith('apply')) return;
      publishing.kube.intercept = () => undefined;
      await publishing.pass(running('a', 'b', 'c', 'd'));
      right = publishing.data('stellar');
    };
    const own = late.configMaps.filter(({ namespace }) => namespace === 'stellar');
    const held = new Publisher({ ...publishing, kube: untilSuccessor(publishing.kube), ownNamespace: OWN });
    await held.publish(own);
    assert.ok(Object.keys(right).length > 0);
    assert.deepEqual(publishing.data('stellar'), right);
  });
});

/** A leader that does not lead any more by the time its first write is answered. */
function untilSuccessor(kube: Kube): Kube {
  let writes = 0;
  return whileLeading(kube, () => {
    writes += 1;
    return writes === 1;
  });
}

describe('a write that the API server refuses', () => {
  it('for good is reported on the validators that lack their peers, until a write succeeds', async () => {
    const publishing = new Publishing();
    refuseWrites(publishing, 422);
    await publishing.pass(PARTS);
    assert.deepEqual([...publishing.publisher.refusals.keys()], ['stellar']);
    publishing.kube.intercept = () => undefined;
    publishing.clock.advance(130_000);
    await publishing.pass(PARTS);
    assert.deepEqual([...publishing.publisher.refusals.keys()], []);
  });

  it('in a namespace that is being deleted is tried again soon, and is not reported as refused by a policy', async () => {
    const publishing = new Publishing();
    const details = { status: 403, reason: 'Forbidden', causes: ['NamespaceTerminating'] };
    publishing.kube.intercept = (request) => {
      if (request.startsWith('apply /api/v1/namespaces/stellar/')) throw new KubeError('no', details);
    };
    await publishing.pass(PARTS);
    assert.deepEqual([...publishing.publisher.refusals.keys()], []);
    publishing.kube.intercept = () => undefined;
    publishing.clock.advance(5_000);
    assert.deepEqual(await publishing.pass(PARTS), ['stellar']);
  });

  it('for a lack of rights is tried again in seconds: a server that has just started has not read its roles', async () => {
    const publishing = new Publishing();
    const message = 'configmaps "stellar-peers" is forbidden: User "u" cannot patch resource "configmaps"';
    publishing.kube.intercept = (request) => {
      if (request.startsWith('apply /api/v1/namespaces/stellar/')) throw failure(403, 'Forbidden', message);
    };
    await publishing.pass(PARTS);
    publishing.kube.intercept = () => undefined;
    publishing.clock.advance(5_000);
    assert.deepEqual(await publishing.pass(PARTS), ['stellar']);
  });

  it('for good (403, 422) is tried again only after two minutes', async () => {
    for (const status of [403, 422]) {
      const { publishing } = await published();
      refuseWrites(publishing, status);
      const parts = running('a', 'b', 'c');
      const before = appliesTo(publishing, 'stellar');
      for (let second = 0; second < 360; second += 1) {
        await publishing.pass(parts);
        publishing.clock.advance(1_000);
      }
      assert.equal(appliesTo(publishing, 'stellar') - before, 3);
      const [line] = publishing.log.with(/write failed/);
      assert.equal(line?.fields.reason, 'RefusedByPolicy');
      publishing.kube.intercept = () => undefined;
      publishing.clock.advance(120_000);
      await publishing.pass(parts);
      assert.ok(publishing.keys('stellar').includes('c.peers.txt'));
    }
  });

  it('for now is tried again soon, and less and less often, but at least every 30 s', async () => {
    for (const status of [0, 500, 503]) {
      const { publishing } = await published();
      refuseWrites(publishing, status);
      const retries: number[] = [];
      for (let attempt = 0; attempt < 10; attempt += 1) {
        await publishing.pass(running('a', 'b', 'c'));
        const waitMs = publishing.publisher.retryInMs() ?? 0;
        retries.push(waitMs);
        publishing.clock.advance(waitMs);
      }
      assert.equal(retries[0], 250);
      assert.equal(retries.at(-1), 30_000);
      publishing.kube.intercept = () => undefined;
      await publishing.pass(running('a', 'b', 'c'));
      assert.ok(publishing.keys('stellar').includes('c.peers.txt'));
      publishing.clock.advance(1_000);
      assert.equal(publishing.publisher.retryInMs(), undefined);
    }
  });

  it('with Retry-After is not tried before that', async () => {
    const { publishing } = await published();
    refuseWrites(publishing, 429, 17);
    await publishing.pass(running('a', 'b', 'c'));
    const before = appliesTo(publishing, 'stellar');
    publishing.clock.advance(16_999);
    await publishing.pass(running('a', 'b', 'c'));
    assert.equal(appliesTo(publishing, 'stellar'), before);
    publishing.clock.advance(1);
    await publishing.pass(running('a', 'b', 'c'));
    assert.equal(appliesTo(publishing, 'stellar'), before + 1);
  });

  it('delays no other namespace', async () => {
    const { publishing } = await published();
    refuseWrites(publishing, 403);
    assert.deepEqual(await publishing.pass(running('a', 'b', 'c')), [OWN]);
    assert.match(publishing.data(OWN).discovery_metadata ?? '', /"peer_count":3/);
  });
});

describe('the ConfigMap of a namespace that its last validator left', () => {
  const deletions = ({ kube }: Publishing) => kube.requests.filter((request) => request.startsWith('delete'));

  it('is deleted only in the version that was read, so a change in between keeps it', async () => {
    const { publishing } = await published();
    const { kube } = publishing;
    const { get } = kube;
    kube.get = async (ref) => {
      const found = await get(ref);
      kube.get = get;
      await publishing.edit('stellar', 'notes', 'mine');
      return found;
    };
    await publishing.pass({});
    assert.equal(deletions(publishing).length, 1);
    assert.equal(publishing.data('stellar').notes, 'mine');
    publishing.clock.advance(60_000);
    await publishing.pass({});
    assert.deepEqual(publishing.data('stellar'), { notes: 'mine' });
  });

  it('is not deleted if another program added a key after the plan', async () => {
    const { publishing } = await published();
    const plan = await publishing.plan({});
    await publishing.edit('stellar', 'notes', 'mine');
    await publishing.publisher.publish(plan.configMaps);
    const bytes = (await published()).publishing;
    const planned = await bytes.plan({});
    const value = { 'logo.png': 'AAAA' };
    await bytes.kube.patch(peersIn('stellar'), [{ op: 'add', path: '/binaryData', value }]);
    await bytes.publisher.publish(planned.configMaps);
    for (const each of [publishing, bytes]) assert.deepEqual(deletions(each), []);
    await publishing.pass({});
    assert.deepEqual(publishing.data('stellar'), { notes: 'mine' });
  });

  it('may be gone already', async () => {
    const { publishing } = await published();
    const plan = await publishing.plan({});
    await publishing.kube.delete(peersIn('stellar'));
    await publishing.publisher.publish(plan.configMaps);
    assert.deepEqual(publishing.log.with(/write failed/), []);
    assert.equal(publishing.kube.observe(peersIn('stellar')), undefined);
  });
});

describe('a ConfigMap that others made', () => {
  it('keeps no label of ours once our keys are gone', async () => {
    const publishing = new Publishing();
    await publishing.foreignApply('stellar', { theirs: 'x' });
    const applied: unknown[] = [];
    const { apply } = publishing.kube;
    publishing.kube.apply = (ref, body, options) => {
      if (ref.namespace === 'stellar') applied.push(body.metadata.labels);
      return apply(ref, body, options);
    };
    await publishing.pass(running('a', 'b'));
    publishing.clock.advance(60_000);
    await publishing.pass({ nodes: [] });
    assert.deepEqual(publishing.data('stellar'), { theirs: 'x' });
    assert.deepEqual(applied, [{ 'app.kubernetes.io/managed-by': 'stellar-peers' }, undefined]);
  });
});
