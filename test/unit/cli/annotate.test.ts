/** Sets one annotation on objects, or removes it, and changes nothing else. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { annotate, isConfirmed } from '../../../cli/annotate.ts';
import type { Call } from '../../../cli/command.ts';
import { ProblemError, UsageError } from '../../../cli/exit.ts';
import { StellarNodes } from '../../../runtime/kube/resources.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { FakeTerminal } from './fake-terminal.ts';

const NAME = 'stellar.org/peer-adopt';
const refs = ['a', 'b'].map((name) => ({ resource: StellarNodes, namespace: 'stellar', name }));

function cluster(): MemoryKube {
  const kube = new MemoryKube();
  const metadata = { namespace: 'stellar', uid: 'u' };
  kube.seed(StellarNodes, [
    { metadata: { ...metadata, name: 'a', annotations: { other: 'kept' } } },
    { metadata: { ...metadata, name: 'b' } },
  ]);
  return kube;
}

describe('an annotation', () => {
  it('is set beside others or as the first, and can be removed alone', async () => {
    const kube = cluster();
    const found = () => refs.map((ref) => kube.observe(ref)?.metadata.annotations);
    await annotate(kube, refs, { name: NAME, value: 'now' });
    assert.deepEqual(found(), [{ other: 'kept', [NAME]: 'now' }, { [NAME]: 'now' }]);
    await annotate(kube, refs, { name: NAME, value: undefined });
    assert.deepEqual(found(), [{ other: 'kept' }, {}]);
    await annotate(kube, refs, { name: NAME, value: undefined });
    assert.deepEqual(found(), [{ other: 'kept' }, {}], 'what is not there need not go');
  });

  it('cannot be set on an object that does not exist, and the error says so', async () => {
    const ref = { resource: StellarNodes, namespace: 'stellar', name: 'c' };
    await assert.rejects(annotate(cluster(), [ref], { name: NAME, value: 'now' }), (error) => {
      assert.ok(error instanceof ProblemError);
      assert.equal(error.message, 'there is no StellarNode stellar/c');
      return true;
    });
  });
});

const WHERE = 'context prod, server https://a.example';
const SHOWN = `Cluster: ${WHERE}.\nthis\n`;

describe('a change to the cluster', () => {
  const call = (terminal: FakeTerminal, yes = false): Call => ({
    ...{ args: [], flags: yes ? { yes } : {}, format: 'table', env: {}, terminal },
  });

  it('is shown with its cluster first, and proceeds after the answer yes, or with --yes and no question', async () => {
    const terminal = new FakeTerminal();
    terminal.answer = true;
    assert.equal(await isConfirmed('this', call(terminal), WHERE), true);
    assert.deepEqual([terminal.err, terminal.asked.length], [SHOWN, 1]);
    const quiet = new FakeTerminal();
    assert.equal(await isConfirmed('this', call(quiet, true), WHERE), true);
    assert.deepEqual([quiet.err, quiet.asked], [SHOWN, []]);
  });

  it('does not proceed after the answer no, or without a terminal to ask', async () => {
    const terminal = new FakeTerminal();
    terminal.answer = false;
    assert.equal(await isConfirmed('this', call(terminal), WHERE), false);
    assert.equal(terminal.err, `${SHOWN}Nothing was changed.\n`);
    await assert.rejects(isConfirmed('this', call(new FakeTerminal()), WHERE), UsageError);
  });
});
