/** What a merged list that had room for more says of the next list: nothing. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { networkWorld, planOf, type Spec } from './group.ts';

const PUBLIC: Spec = { node: { spec: { network: 'testnet', customNetworkPassphrase: undefined } } };
/** `b` and `c` started when only `a` was published to them: neither knows the other. */
const KNOWS: Readonly<Record<string, readonly string[]>> = { a: ['b', 'c'], b: ['a'], c: ['a'] };

function restartWith(detailOf: (count: number) => string): string | undefined {
  const specs = Object.entries(KNOWS).map(([name, knows]) => [name, { ...PUBLIC, knows }]);
  const world = networkWorld(Object.fromEntries(specs));
  const pods = new Map(
    [...world.pods].map(([key, pod]) => {
      const count = KNOWS[pod.name.replace(/-0$/, '')]?.length ?? 0;
      const mergeOutcome = { code: 'Merged', detail: detailOf(count) } as const;
      return [key, { ...pod, mergeOutcome }];
    }),
  );
  return planOf({ ...world, pods }, { settings: { quorumUnknown: 'warn' } }).restart;
}

for (const detail of ['KNOWN_PEERS #', 'PREFERRED_PEERS #', 'PREFERRED_PEERS #, siblings #'])
  it(`one of two that do not know each other is restarted, with ${detail}`, () => {
    assert.equal(
      restartWith((count) => detail.replaceAll('#', `${count}`)),
      'bump b',
    );
  });
