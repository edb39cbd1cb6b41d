/** Pods that the version before admitted, or left alone: none of them is restarted for what this version does otherwise. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { worldWith } from '../world.ts';
import { networkParts, planOf, type Spec } from './group.ts';

// biome-ignore lint/suspicious/noExplicitAny: raw objects are changed here as an earlier version would have left them.
type Raw = any;

/** What becomes of `a`, whose template and pod are changed; the pod by its last argument alone. */
function fateOf(template: (spec: Raw) => void, spec: Spec = {}, pod: (spec: Raw) => void = () => undefined) {
  const parts = networkParts({ a: spec, b: {}, c: {} });
  const edited = (raws: Raw[] = [], change: (raw: Raw) => void) =>
    raws.map((raw) => {
      const copy = structuredClone(raw);
      if (copy.metadata.name.startsWith('a')) change(copy);
      return copy;
    });
  const statefulSets = edited(parts.statefulSets, (raw) => template(raw.spec.template.spec));
  const pods = edited(parts.pods, (raw) => {
    template(raw.spec);
    pod(raw.spec);
  });
  const { restart, holds } = planOf(worldWith({ ...parts, statefulSets, pods }));
  return restart ?? holds.a;
}

const bare: Spec = { pod: { injected: false, annotations: {} } };

it('a pod that was injected in its first container stays, even if this may not be the main container', () => {
  const renamed = (spec: Raw) => Object.assign(spec.containers[0], { name: 'core', image: 'my/validator:1' });
  assert.equal(fateOf(renamed), undefined);
  assert.equal(fateOf(renamed, { knows: ['b'] }), 'NoMainContainer', 'nor is it restarted for more peers');
});

it('a pod that was injected in a proxy, its first container, stays', () => {
  const proxied = (spec: Raw) => {
    Object.assign(spec.containers[0], { name: 'proxy', image: 'mesh/proxy:1' });
    spec.containers.push({ name: 'core', image: 'stellar/stellar-core:v21' });
  };
  assert.equal(fateOf(proxied), undefined);
});

it('a pod whose init container names a profile, and keeps what its main one asked for once, stays', () => {
  const merged = (spec: Raw) => {
    const securityContext = { seccompProfile: { type: 'RuntimeDefault' } };
    spec.initContainers = [
      { name: 'stellar-peers-config', securityContext, resources: { requests: { cpu: 9 } } },
    ];
  };
  assert.equal(
    fateOf(() => undefined, {}, merged),
    undefined,
  );
});

it('a pod that was not injected because it mounts a folder above ours awaits adoption', () => {
  const above = (spec: Raw) =>
    spec.containers[0].volumeMounts.push({ name: 'settings', mountPath: '/etc/stellar' });
  assert.equal(fateOf(above, bare), 'AwaitingAdoption');
  const adopted = { ...bare, node: { annotations: { 'stellar.org/peer-adopt': 'now' } } };
  assert.equal(fateOf(above, adopted), 'bump a');
});

it('a pod that was not injected because its first container, a sidecar, mounts at or above our path awaits adoption', () => {
  for (const mountPath of ['/etc/stellar', '/etc/stellar/peers']) {
    const inFront = (spec: Raw) => {
      spec.containers[0].name = 'core';
      const volumeMounts = [{ name: 'config', mountPath }];
      spec.containers.unshift({ name: 'exporter', image: 'acme/exporter:1', volumeMounts });
    };
    assert.equal(fateOf(inFront, bare), 'AwaitingAdoption', mountPath);
  }
});
