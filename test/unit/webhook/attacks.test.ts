/** Reviews that no honest client sends. Each is answered in time, and the next good review is served. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Fields, fieldsOf } from '../../../peers/field.ts';
import type { PatchOperation } from '../../../runtime/kube/port.ts';
import { applied } from '../../../webhook/patch/applied.ts';
import { processorTimeOf } from '../stand-ins/processor-time.ts';
import { operatorPod, reviewOf, serve } from './served.ts';
import { assertInjected, assertUntouched } from './untouched.ts';

// biome-ignore lint/suspicious/noExplicitAny: raw pods are made odd here as an attacker would make them.
type Raw = any;
type Change = (pod: Raw) => void;

const SENTENCE = /^[A-Z][^\n]*\.$/;
/** Processor time. The limit is generous: without our protection, these reviews took half a minute or more. */
const SLOW_MS = 3_000;

const many = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => make(index));
const main = (pod: Raw) => pod.spec.containers[0];
const changed = (change: Change): Fields => {
  const pod = operatorPod();
  change(pod);
  return pod;
};

async function setUp(options: { config?: string } = {}) {
  const served = await serve(options);
  const ask = async (payload: object | string | Buffer) => {
    const { value, processorMs } = await processorTimeOf(() => served.post(payload));
    assert.ok(processorMs < SLOW_MS, `it took ${processorMs} ms`);
    return { status: value.status, answer: JSON.parse(value.text) };
  };
  const assertServes = async () => {
    const { answer } = await ask(reviewOf(operatorPod()));
    assertInjected(patchedBy(operatorPod(), answer), 'validator-1');
  };
  return { ...served, ask, assertServes };
}

function patchedBy(pod: Fields, { response }: Raw): Fields {
  const patch: PatchOperation[] = JSON.parse(
    Buffer.from(response.patch ?? 'W10=', 'base64').toString('utf8'),
  );
  return applied(pod, patch);
}

describe('a body is refused with a sentence', () => {
  const review = JSON.stringify(reviewOf(operatorPod()));
  const cases: ReadonlyArray<[string, string | Buffer]> = [
    ['that begins with a byte order mark', `\ufeff${review}`],
    ['with something behind the review', `${review}}`],
    ['with two reviews', review + review],
    ['in UTF-16', Buffer.from(review, 'utf16le')],
    ['of zeros', Buffer.alloc(1_000)],
    ['with a raw line break in a text', review.replace('stellar-node', 'stellar\nnode')],
    ['with NaN in it', review.replace('11625', 'NaN')],
    ['whose kind is nested as deep as it fits', `{"kind":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`],
    ['that is nothing but brackets', '['.repeat(3_000_000)],
    ['with a uid that would fill the answer', JSON.stringify(reviewOf({}, { uid: 'é'.repeat(100_000) }))],
    ['whose uid is an object', JSON.stringify(reviewOf({}, { uid: { toString: 'x' } }))],
    [
      'whose uid is in its prototype',
      '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"__proto__":{"uid":"u"}}}',
    ],
  ];
  for (const [what, body] of cases) {
    it(what, async () => {
      const { ask, assertServes } = await setUp();
      const { status, answer } = await ask(body);
      assert.equal(status, 400);
      assert.match(answer.error, SENTENCE);
      assert.ok(answer.error.length < 400);
      await assertServes();
    });
  }
});

describe('a body is answered as if it were an ordinary one', () => {
  const text = JSON.stringify(reviewOf(operatorPod()));
  const cases: ReadonlyArray<[string, string | Buffer]> = [
    ['with duplicate keys, the last of which counts', text.replace('"uid":', '"uid":"another","uid":')],
    ['with numbers that are none to any parser', text.replace('{', '{"x":1e999,"y":-1e999,"z":1e-999,')],
    ['with a number of a million digits', text.replace('{', `{"x":${'9'.repeat(1_000_000)},`)],
    [
      'nested as deep as it fits where it is not read',
      text.replace('{', `{"x":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)},`),
    ],
    ['with bytes that are no UTF-8', Buffer.from(text.replace('Test SDF', '\xff\xfe\xc0'), 'latin1')],
    ['with half a surrogate pair', text.replace('Test SDF', '\\ud800')],
  ];
  for (const [what, body] of cases) {
    it(what, async () => {
      const { ask, assertServes } = await setUp();
      const { status, answer } = await ask(body);
      assert.equal(status, 200);
      assert.deepEqual([answer.response.uid, answer.response.allowed], ['a-uid', true]);
      const operations = JSON.parse(Buffer.from(answer.response.patch, 'base64').toString('utf8'));
      assertInjected(applied(operatorPod(), operations), 'validator-1');
      await assertServes();
    });
  }
});

describe('a pod is injected, and no part of the pod is lost', () => {
  const label = `${'p'.repeat(253)}/${'n'.repeat(63)}`;
  const cases: ReadonlyArray<[string, Change]> = [
    [
      'with 10,000 containers',
      ({ spec }) => spec.containers.push(...many(10_000, (n) => ({ name: `c-${n}`, image: 'x' }))),
    ],
    [
      'with its main container behind 10,000 others',
      ({ spec }) => spec.containers.unshift(...many(10_000, (n) => ({ name: `c-${n}` }))),
    ],
    [
      'with 10,000 variables',
      (pod) => main(pod).env.push(...many(10_000, (n) => ({ name: `V_${n}`, value: 'x' }))),
    ],
    [
      'with 10,000 mounts and volumes',
      (pod) => {
        pod.spec.volumes = [...many(10_000, (n) => ({ name: `v-${n}`, emptyDir: {} })), ...pod.spec.volumes];
        main(pod).volumeMounts.push(...many(10_000, (n) => ({ name: `v-${n}`, mountPath: `/mnt//${n}/` })));
      },
    ],
    [
      'with `~` and `/` in names and keys',
      (pod) => {
        pod.metadata.annotations = { 'a/b': '~1', '~0': '/', 'stellar.org/peers': 'v1:0', 'a~1b': '' };
        pod.spec.volumes.unshift({ name: 'a~1/b~0', emptyDir: {} });
        main(pod).volumeMounts.unshift({ name: 'a~1/b~0', mountPath: '/a~1/~0' });
      },
    ],
    [
      'with labels of the greatest length',
      ({ metadata }) => Object.assign(metadata.labels, { [label]: 'v'.repeat(63) }),
    ],
    [
      'with 5,000 labels',
      ({ metadata }) =>
        Object.assign(metadata.labels, Object.fromEntries(many(5_000, (n) => [`l-${n}`, 'x']))),
    ],
    [
      'with numbers where text should be',
      (pod) => Object.assign(main(pod), { tty: 1e308, stdin: -0, workingDir: 2 ** 53 }),
    ],
  ];
  for (const [what, change] of cases) {
    it(what, async () => {
      const { ask, assertServes } = await setUp();
      const pod = changed(change);
      const { status, answer } = await ask(reviewOf(pod));
      assert.equal(status, 200);
      const after = patchedBy(pod, answer);
      assertUntouched(pod, after);
      assertInjected(after, 'validator-1');
      const again = await ask(reviewOf(after));
      assert.equal(again.answer.response.patch, undefined, 'a second admission has nothing to add');
      await assertServes();
    });
  }
});

describe('keys with a meaning in JavaScript are ordinary keys', () => {
  for (const key of [
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'toJSON',
    'then',
  ]) {
    it(`${key}, anywhere`, async () => {
      const { ask, assertServes } = await setUp();
      const poison = `"${key}":{"polluted":"yes","name":"stellar-peers","peers":"yes","constructor":{"prototype":{"polluted":"yes"}}}`;
      const places = JSON.stringify(reviewOf(operatorPod()))
        .replaceAll('{', `{${poison},`)
        .replaceAll(',}', '}');
      const { status, answer } = await ask(places);
      assert.equal(status, 200);
      const pod = JSON.parse(places).request.object;
      assert.deepEqual(fieldsOf(pod.spec)[key] === undefined, false);
      assertUntouched(pod, patchedBy(pod, answer));
      const clean: Raw = {};
      assert.equal(clean.polluted, undefined);
      await assertServes();
    });
  }
});

describe('a pod that is made to keep us busy is answered at once', { timeout: 60_000 }, () => {
  const cases: ReadonlyArray<[string, Change]> = [
    [
      'with a path of 2 MB that goes up and down',
      (pod) =>
        main(pod).volumeMounts.push({
          name: 'data',
          mountPath: `/${'x/'.repeat(400_000)}${'y/../'.repeat(200_000)}`,
        }),
    ],
    [
      'with a path of slashes',
      (pod) => main(pod).volumeMounts.push({ name: 'data', mountPath: `${'/'.repeat(2_000_000)}x` }),
    ],
    [
      'with 20,000 mounts and 40,000 volumes',
      (pod) => {
        pod.spec.volumes = many(40_000, (n) => ({ name: `v-${n}` }));
        main(pod).volumeMounts = many(20_000, () => ({ name: 'w', mountPath: '/config' }));
      },
    ],
    [
      'whose image is nearly ours a hundred thousand times',
      (pod) => {
        main(pod).image = `${'/stellar-core:a'.repeat(100_000)}!`;
      },
    ],
    ['with 100,000 owners', ({ metadata }) => metadata.ownerReferences.unshift(...many(100_000, () => ({})))],
    [
      'whose containers name 60,000 resources each',
      ({ spec }) => {
        const requests = Object.fromEntries(many(60_000, (n) => [`r${n}`, '1']));
        for (const container of spec.containers) container.resources = { requests };
      },
    ],
    [
      'with what we copy nested deep',
      (pod) => {
        let deep: Raw = 'x';
        for (let level = 0; level < 20_000; level += 1) deep = { a: deep };
        main(pod).securityContext = { seLinuxOptions: deep };
      },
    ],
  ];
  for (const [what, change] of cases) {
    it(what, async () => {
      const { ask, assertServes } = await setUp();
      const deep = changed(change);
      const { status, answer } = await ask(textOfReview(deep));
      assert.equal(status, 200);
      assert.deepEqual([answer.response.uid, answer.response.allowed], ['a-uid', true]);
      await assertServes();
    });
  }

  it('with a StatefulSet name so long that remembering it would cost memory', async () => {
    const { ask, assertServes, memberships, results } = await setUp();
    const pod = changed(({ metadata }) => {
      metadata.ownerReferences[0].name = 'x'.repeat(60_000);
    });
    await ask(reviewOf(pod));
    assert.equal(memberships.listeners, 0, 'it is not held');
    assert.deepEqual(results, ['skipped:UnknownOwner']);
    await assertServes();
  });

  it('with more than the ordinary size, also in a network that has just begun', async () => {
    const { ask, memberships, results } = await setUp();
    memberships.join('newcomer');
    const pod = changed((raw) => {
      const [owner] = raw.metadata.ownerReferences;
      Object.assign(owner, { name: 'newcomer', uid: 'sts-newcomer' });
      raw.metadata.annotations.note = 'x'.repeat(70_000);
    });
    await ask(reviewOf(pod));
    assert.equal(memberships.listeners, 0, 'it is not held');
    assert.deepEqual(results, ['patched']);
  });
});

/** Writes the review without JSON.stringify, which fails on values that are nested too deep. */
function textOfReview(pod: Raw): string {
  const deep = main(pod).securityContext?.seLinuxOptions?.a;
  if (!deep) return JSON.stringify(reviewOf(pod));
  main(pod).securityContext = { seLinuxOptions: '@' };
  const text = JSON.stringify(reviewOf(pod));
  return text.replace('"@"', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`);
}

describe('text that others write', () => {
  it('does not stay in memory', async () => {
    const { post } = await setUp();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const usedMb = () => {
      collect();
      return process.memoryUsage().heapUsed / 1_000_000;
    };
    /** Measured twice, in case everything is let go at one moment in between. The larger value counts. */
    const stayed: number[] = [];
    await post(reviewOf(operatorPod()));
    const before = usedMb();
    for (let index = 0; index < 40; index += 1) {
      const image = `${index}${'x'.repeat(1_000_000)}/stellar-core:v1`;
      const { status } = await post(reviewOf(changed((pod) => Object.assign(main(pod), { image }))));
      assert.equal(status, 200);
      if (index % 20 === 19) stayed.push(usedMb() - before);
    }
    assert.ok(Math.max(...stayed) < 10, `${Math.max(...stayed)} MB stayed`);
  });

  it('does not fill the log', async () => {
    const { ask, lines } = await setUp();
    const mountPath = `/etc/stellar/peers/${'x'.repeat(1_000_000)}`;
    const name = 'n'.repeat(1_000_000);
    const pod = changed((raw) => main(raw).volumeMounts.push({ name: 'data', mountPath }));
    const { answer } = await ask(reviewOf(pod, { name }));
    assert.ok(answer.response.warnings[0].length <= 120);
    assert.equal(lines.length, 1);
    assert.ok(JSON.stringify(lines).length < 2_000);
  });

  it('cannot break out of its line in the log, or out of a warning', async () => {
    const { ask, lines } = await setUp();
    const mountPath = '/etc/stellar/peers/x\r\n{"level":50,"msg":"forged"}\u001b[2J\u202e';
    const pod = changed((raw) => main(raw).volumeMounts.push({ name: 'data', mountPath }));
    const { answer } = await ask(reviewOf(pod));
    assert.match(answer.response.warnings[0], /^[ -~]{1,120}$/);
    assert.equal(lines.length, 1);
  });
});

it('a pod with hostNetwork gets no sidecar, because the sidecar might talk to the stellar-core of another pod there', async () => {
  const { ask } = await setUp();
  const pod = changed(({ spec }) => {
    spec.hostNetwork = true;
  });
  const { answer } = await ask(reviewOf(pod));
  const { spec }: Raw = patchedBy(pod, answer);
  assert.deepEqual(
    spec.initContainers.map(({ name }: Raw) => name),
    ['stellar-peers-config'],
  );
  assert.equal(answer.response.warnings, undefined);
});

it('a Windows pod keeps its configuration, because the API server would refuse it with our Linux-only init container', async () => {
  const { ask } = await setUp();
  const pod = changed(({ spec }) => {
    spec.os = { name: 'windows' };
  });
  const { answer } = await ask(reviewOf(pod));
  const after: Raw = patchedBy(pod, answer);
  assert.equal(after.spec.initContainers, undefined);
  assert.match(answer.response.warnings[0], /ConfigNotReplaceable: .*Windows/);
  assertInjected(after, 'validator-1');
});
