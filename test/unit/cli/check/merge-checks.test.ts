/** `stellar-peers check` on the init container that merges configurations. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { podSpec } from '../../world.ts';
import { complaintsOf, factsWith } from './healthy.ts';

describe('an init container that merges', () => {
  it('is a problem if it cannot start, because its validator then cannot start either', () => {
    const { world } = factsWith();
    const pods = new Map(world.pods);
    const pod = pods.get('stellar/b-0');
    assert.ok(pod);
    const mergeOutcome = { code: 'MergeBlocked', detail: 'exec: "sh": not found' } as const;
    pods.set('stellar/b-0', { ...pod, mergeOutcome });
    const found = complaintsOf({ facts: { world: { ...world, pods } } })['merged-configuration'];
    assert.match(found ?? '', /^problem: stellar\/b does not start: .*exec: "sh": not found/);
  });

  it('is left out with a reason if the name of the image says that the image has no shell', () => {
    const spec = podSpec();
    Object.assign(spec.containers[0] ?? {}, { image: 'stellar/stellar-core:distroless' });
    const b = { statefulSet: { spec: { template: { metadata: {}, spec } } } };
    const found = complaintsOf({ specs: { a: {}, b, c: {} } })['merged-configuration'];
    assert.match(found ?? '', /^warning: stellar\/b: .*stellar\/stellar-core:distroless/);
  });

  it('is without effect if stellar-core is started with another file', () => {
    const spec = podSpec();
    Object.assign(spec.containers[0] ?? {}, { args: ['run', '--conf', '/etc/other.cfg'] });
    const b = { statefulSet: { spec: { template: { metadata: {}, spec } } } };
    const found = complaintsOf({ specs: { a: {}, b, c: {} } })['merged-configuration'];
    assert.equal(
      found,
      'warning: stellar/b: the peers are written into /config/stellar-core.cfg, but stellar-core reads another file',
    );
  });
});
