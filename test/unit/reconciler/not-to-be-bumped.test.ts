/** Ready pods that are not restarted, since the restart could not be seen through or taken back. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { worldWith } from '../world.ts';
import { networkParts, planOf } from './group.ts';

const SPECS = { a: { knows: ['b', 'c'] }, b: {}, c: {}, d: {} };

interface Editable {
  metadata: { annotations?: Record<string, string> };
  spec: { containers: Array<{ name: string; readinessProbe?: object }> };
}

function holdOf(edit: (pod: Editable) => void): unknown {
  const parts = networkParts(SPECS);
  const pods = (parts.pods ?? []).map((raw) => {
    const copy = structuredClone(raw) as typeof raw & Editable;
    edit(copy);
    return copy;
  });
  const { restart, holds } = planOf(worldWith({ ...parts, pods }));
  return restart ?? holds.a;
}

it('a Ready validator that lacks a peer is restarted as a rule', () => {
  assert.equal(
    holdOf(() => undefined),
    'bump a',
  );
});

it('a validator is held if only a sidecar has a readiness probe, which says nothing about stellar-core', () => {
  const held = holdOf(({ spec }) => {
    delete spec.containers[0]?.readinessProbe;
    spec.containers.push({ name: 'istio-proxy', readinessProbe: {} });
  });
  assert.equal(held, 'ReadinessUnknown');
});

it('a validator is held if its pod has a token that our own policy would not let us restore', () => {
  const carrying = (length: number) => (pod: Editable) => {
    pod.metadata.annotations = {
      ...pod.metadata.annotations,
      'stellar.org/peer-restart': 'x'.repeat(length),
    };
  };
  assert.equal(holdOf(carrying(1_024)), 'bump a');
  assert.equal(holdOf(carrying(1_025)), 'TokenTooLong');
});
