/** A leader with a late watch of pods, which decides on restarts by live reads. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ConfigMaps, StellarNodes } from '../../../runtime/kube/resources.ts';
import { OWN, type Stage } from './stage.ts';
import { podRef, tell, told } from './story.ts';

const annotate = ({ server }: Stage, ref: Parameters<Stage['server']['admin']['patch']>[0], value: object) =>
  server.admin.patch(ref, [{ op: 'add', path: '/metadata/annotations', value }]);

it('a peer that no longer runs is no reason for a restart, although the caches still show it as running', async () => {
  const own = { resource: ConfigMaps, namespace: OWN, name: OWN };
  const codes: Array<Record<string, string>> = [];
  const { broken, witness } = await tell({
    validators: 4,
    script: (stage, at) => {
      at(80_000, () => annotate(stage, own, { 'stellar.org/peer-rollout': 'paused' }));
      at(90_000, () => stage.join(3));
      const v3 = { resource: StellarNodes, namespace: 'north', name: 'v3' };
      at(91_000, () => annotate(stage, v3, { 'stellar.org/peer-budget': 'uncounted' }));
      at(100_000, () => [0, 1].map((seat) => stage.seatOf(seat).weather.late('Pod', 240_000)));
      // v3's new pod finds no machine.
      at(102_000, () => {
        stage.kubelet.scheduler.resize(3);
        return stage.server.admin.delete(podRef('v3'), {});
      });
      at(130_000, () => annotate(stage, own, {}));
      at(199_000, () => codes.push(told(stage)));
    },
    endMs: 200_000,
  });
  assert.deepEqual([broken, witness.restarts.length], [[], 0]);
});
