/** Why the tests on real kubelets cannot run on a machine. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { whyNoRealNode } from '../../../scripts/parts/real-node.ts';

/** A machine that refuses the commands with that word. */
const refusing = (word: string, said: string) => ({
  platform: 'linux',
  uid: 0,
  ask: (command: readonly string[]) => (command.join(' ').includes(word) ? said : undefined),
});

describe('a machine without real kubelets', () => {
  it('says that only Linux has them, or that root is needed', () => {
    const machine = refusing('nothing', '');
    assert.equal(whyNoRealNode({ ...machine, platform: 'darwin' }), 'only on Linux');
    assert.match(whyNoRealNode({ ...machine, uid: 1000 }) ?? '', /^needs root/);
  });

  it('says what the kernel refuses, in its own words', () => {
    const said = 'unshare: unshare failed: Operation not permitted\n';
    assert.equal(
      whyNoRealNode(refusing('unshare', said)),
      'needs namespaces for network, mounts and processes: unshare: unshare failed: Operation not permitted',
    );
    assert.match(
      whyNoRealNode(refusing('cgroup', 'sh: Read-only file system')) ?? '',
      /cgroups .* Read-only/,
    );
    assert.match(
      whyNoRealNode(refusing('overlay', 'mount: denied')) ?? '',
      /^needs overlay mounts: mount: denied/,
    );
    assert.match(whyNoRealNode(refusing('bridge', 'Unknown device type')) ?? '', /bridge .* Unknown device/);
  });

  it('has no reason where nothing is refused', () => {
    assert.equal(whyNoRealNode(refusing('nothing', '')), undefined);
  });
});
