/** A Lease of any content: never two leaders, never none for long, and no replica fails by it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KubeError, type KubeObject } from '../../../runtime/kube/port.ts';
import { Leases } from '../../../runtime/kube/resources.ts';
import { Electorate, LEASE, LEASE_MS, REQUEST_MS } from '../reconciler/electorate.ts';
import { fuzz, type Odd, oddOf } from './odd.ts';

/** No replica holds a Lease for longer (LEASE_DURATION_SECONDS), and none stands for election more slowly. */
const BOUND_MS = 300_000 + 2 * LEASE_MS;
const STEP_MS = 1_000;
const INT32_MAX = 2 ** 31 - 1;
const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

const METADATA = { name: LEASE.name, namespace: 'stellar-peers' };

const spec = (changed: object) => ({
  spec: {
    holderIdentity: 'stellar-peers-gone',
    leaseDurationSeconds: 15,
    acquireTime: '2026-05-31T23:00:00.000000Z',
    renewTime: '2026-05-31T23:59:59.000000Z',
    leaseTransitions: 3,
    ...changed,
  },
});

/** Also what the API server takes, and no replica writes. */
const VALID = [
  spec({}),
  spec({ leaseDurationSeconds: INT32_MAX, renewTime: '9999-12-31T23:59:59.999999Z' }),
  spec({ leaseTransitions: INT32_MAX }),
  spec({ preferredHolder: 'absent', strategy: 'OldestEmulationVersion' }),
];

const odd = fc.oneof(oddOf(VALID, { shallow: true }), fc.constantFrom(...VALID));
const specOf = (content: Odd | object): unknown =>
  (('value' in content ? content.value : content) as { spec?: unknown }).spec;

/** What the API server checks of a Lease, and that it is held by `holder`. */
function assertHeldBy(electorate: Electorate, holder: string): void {
  const { holderIdentity, leaseDurationSeconds, leaseTransitions, acquireTime, renewTime } =
    electorate.spec();
  assert.equal(holderIdentity, holder);
  assert.equal(leaseDurationSeconds, LEASE_MS / 1000);
  assert.ok(Number.isInteger(leaseTransitions), `leaseTransitions is ${String(leaseTransitions)}`);
  assert.ok(Number(leaseTransitions) >= 0 && Number(leaseTransitions) <= INT32_MAX);
  for (const time of [acquireTime, renewTime]) assert.match(String(time), MICRO_TIME);
}

/** A person writes `content` over the Lease, or deletes it. */
async function overwrite({ kube }: Electorate, content: unknown): Promise<void> {
  if (content === 'deleted') return kube.delete(LEASE);
  const body: KubeObject = { metadata: METADATA, ...(content === undefined ? {} : { spec: content }) };
  await kube.replace(LEASE, body).catch((error: unknown) => assert.ok(error instanceof KubeError));
}

/** Holders that were named rightly: given back, or another replica of ours, which then does lead. */
const isSaidByUs = (content: unknown): boolean =>
  ['', 'first', 'second'].includes(
    (content as { holderIdentity?: string } | undefined)?.holderIdentity ?? '-',
  );

describe('a Lease of any content', () => {
  it('is taken over in time by a replica that starts, which then holds it as any other', async (t) => {
    await fuzz(t, { runs: 100, values: odd }, async (content) => {
      const electorate = new Electorate();
      electorate.kube.seed(Leases, [{ metadata: METADATA, spec: specOf(content) }]);
      const replica = electorate.join('first');
      const tookMs = await electorate.until(() => replica.leads(), BOUND_MS, STEP_MS);
      assert.ok(replica.leads(), `no replica leads after ${tookMs / 1000} s`);
      assertHeldBy(electorate, 'first');
      await replica.stop();
      assert.equal(electorate.spec().holderIdentity, '');
    });
  });

  it('makes the leader stop before another begins, and one leads again in time', async (t) => {
    const contents = fc.oneof({ arbitrary: odd.map(specOf), weight: 9 }, fc.constant('deleted'));
    const overwrites = fc.array(fc.tuple(contents, fc.integer({ min: 0, max: 20_000 })), {
      minLength: 1,
      maxLength: 3,
    });
    await fuzz(t, { runs: 60, values: overwrites }, async (list) => {
      fc.pre(!list.some(([content]) => isSaidByUs(content)));
      const electorate = new Electorate();
      for (const name of ['first', 'second']) electorate.join(name);
      const ledAtMs = new Map<string, number>();
      const look = () => {
        const nowMs = electorate.clock.monotonicMs();
        const leaders = electorate.leaders();
        assert.ok(leaders.length <= 1, leaders.join());
        const [leader = ''] = leaders;
        if (leader === '') return;
        const former = [...ledAtMs].filter(([name]) => name !== leader);
        for (const [name, atMs] of former) assert.ok(atMs + REQUEST_MS <= nowMs, `too soon after ${name}`);
        ledAtMs.set(leader, nowMs);
      };
      const passUntil = async (condition: () => boolean, limitMs: number) => {
        for (let ms = 0; ms < limitMs && !condition(); ms += STEP_MS) {
          electorate.clock.advance(STEP_MS);
          await electorate.settle(look);
        }
      };
      const isLed = () => electorate.leaders().length > 0;
      try {
        // Both have seen who leads: a replica that starts in the very moment knows of no holder to wait for.
        await passUntil(() => false, LEASE_MS);
        for (const [content, restMs] of list) {
          await overwrite(electorate, content);
          await passUntil(() => false, restMs);
        }
        // The leader has noticed by then.
        await passUntil(() => false, LEASE_MS);
        await passUntil(isLed, BOUND_MS);
        assert.ok(isLed(), 'no replica leads');
        assertHeldBy(electorate, electorate.leaders()[0] ?? 'no replica');
      } finally {
        electorate.end();
        await electorate.settle();
      }
    });
  });
});
