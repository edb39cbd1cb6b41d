/** The flag -w: what is printed while the cluster changes, and when the command ends. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { watchText } from '../../../cli/watching.ts';
import { KubeError } from '../../../runtime/kube/port.ts';
import { FakeTerminal } from './fake-terminal.ts';

/** Reads that return these results one after the other (an error is thrown), then Ctrl-C. */
async function watched(found: ReadonlyArray<string | Error>, terminal = new FakeTerminal()) {
  const signal = terminal.stopped();
  const left = [...found];
  const look = async (): Promise<string> => {
    const next = left.shift() ?? '';
    if (left.length === 0) terminal.stop();
    if (next instanceof Error) throw next;
    return next;
  };
  await watchText(look, { terminal, signal, clock: { sleep: async () => undefined, nowMs: () => 0 } });
  return terminal;
}

describe('watching', () => {
  it('prints each change to a pipe as a separate block, and no block twice', async () => {
    const { out } = await watched(['a\n', 'a\n', 'b\n', 'b\n', 'a\n']);
    assert.equal(out, 'a\n\nb\n\na\n');
  });

  it('replaces the old text on a terminal, with the time of each read', async () => {
    const terminal = new FakeTerminal();
    terminal.isLive = true;
    const { out } = await watched(['a\n', 'a\n', 'b\n'], terminal);
    assert.equal(
      out,
      ['a', 'a', 'b'].map((text) => `\u001b[H\u001b[J1970-01-01T00:00:00Z\n\n${text}\n`).join(''),
    );
  });

  it('continues if the cluster does not answer for a while, and says so once', async () => {
    const silent = new KubeError('no answer', { status: 0 });
    const { out, err } = await watched(['a\n', silent, silent, 'b\n', silent, 'b\n']);
    assert.deepEqual([out, err], ['a\n\nb\n', 'no answer\nno answer\n']);
  });

  it('ends with an error that would not pass, and at once if the first read fails', async () => {
    await assert.rejects(watched(['a\n', new KubeError('forbidden', { status: 403 }), 'b\n']), KubeError);
    await assert.rejects(watched([new KubeError('no answer', { status: 0 }), 'b\n']), KubeError);
  });
});
