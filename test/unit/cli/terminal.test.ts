/** To which stream a command writes, and in which colours. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { SettingsError } from '../../../app/settings.ts';
import { EXIT, exitCodeOf, ProblemError, UsageError } from '../../../cli/exit.ts';
import { terminalOf } from '../../../cli/terminal.ts';
import { KubeConfigError, KubeError } from '../../../runtime/kube/port.ts';

/** A terminal with streams in memory; `isTTY` as with a person at the terminal. */
function terminal({ isTTY = false, env = {} }: { isTTY?: boolean; env?: Record<string, string> } = {}) {
  const stream = () => Object.assign(new PassThrough(), { isTTY }) as PassThrough & { isTTY: true };
  const [stdin, stdout, stderr] = [stream(), stream(), stream()];
  const text = (of: PassThrough): string => String(of.read() ?? '');
  return {
    stdin,
    stdout,
    stderr,
    text,
    terminal: terminalOf({ stdin, stdout, stderr, once: () => undefined }, env),
  };
}

describe('a terminal', () => {
  it('gets data on standard output and all other text on standard error', () => {
    const { terminal: one, stdout, stderr, text } = terminal();
    one.print('data\n');
    one.say('remark');
    assert.deepEqual([text(stdout), text(stderr)], ['data\n', 'remark\n']);
  });

  it('is coloured only if a person reads it and has not asked for plain text', () => {
    const painted = (options: Parameters<typeof terminal>[0]) => terminal(options).terminal.paint('red', 'x');
    assert.equal(painted({ isTTY: true }), '\u001b[31mx\u001b[39m');
    assert.equal(painted({ isTTY: true, env: { NO_COLOR: '' } }), '\u001b[31mx\u001b[39m');
    for (const env of [{ NO_COLOR: '1' }, { NO_COLOR: '0' }, { TERM: 'dumb' }])
      assert.equal(painted({ isTTY: true, env }), 'x');
    assert.equal(painted({ isTTY: false }), 'x');
  });

  it('asks only if it is interactive, and accepts only yes as a yes', async () => {
    for (const [answer, agreed] of [
      ['y', true],
      ['Yes', true],
      ['', false],
      ['no', false],
      ['yesterday', false],
    ] as const) {
      const { terminal: one, stdin, stdout } = terminal({ isTTY: true });
      const asked = one.ask('Go on? [y/N] ');
      stdin.write(`${answer}\n`);
      assert.equal(await asked, agreed, answer);
      assert.equal(stdout.read(), null, 'a question is no data');
    }
    await assert.rejects(terminal().terminal.ask('?'), UsageError);
  });

  it('takes Ctrl-C and the end of input as a no', async () => {
    for (const leave of [
      (stdin: PassThrough) => stdin.end(),
      (stdin: PassThrough) => stdin.write('\u0003'),
    ]) {
      const { terminal: one, stdin } = terminal({ isTTY: true });
      const asked = one.ask('Go on? [y/N] ');
      leave(stdin);
      assert.equal(await asked, false);
    }
  });
});

describe('the exit code', () => {
  it('tells the kinds of failures apart', () => {
    const answered = (status: number) => new KubeError('x', { status });
    const expected: ReadonlyArray<readonly [unknown, number]> = [
      [new UsageError('x'), EXIT.usage],
      [new SettingsError('x'), EXIT.usage],
      [new KubeConfigError('x'), EXIT.unreachable],
      ...[0, 401, 429, 500, 503].map((status) => [answered(status), EXIT.unreachable] as const),
      ...[400, 403, 404, 409, 422].map((status) => [answered(status), EXIT.problem] as const),
      [new ProblemError('x'), EXIT.problem],
      [new TypeError('x'), EXIT.problem],
    ];
    for (const [error, code] of expected) assert.equal(exitCodeOf(error), code, String(error));
  });
});
