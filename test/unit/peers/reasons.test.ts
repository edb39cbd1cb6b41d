/** The advice on a reason has commands that exist and can be pasted, with the names of its objects. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SETTINGS } from '../../../app/settings-table.ts';
import { COMMANDS } from '../../../cli/commands.ts';
import { oddOnNamespace, oddOnNode } from '../../../peers/read/odd-annotations.ts';
import { REASONS, type ReasonCode, reason, releaseOf } from '../../../peers/reasons/reasons.ts';
import { updateStrategyOf } from '../../../reconciler/plan/restarts/update-strategy.ts';
import { networkWorld } from '../reconciler/group.ts';

const CODES = Object.keys(REASONS) as ReasonCode[];
const RELEASES = CODES.map((code) => [code, REASONS[code].release as string] as const);
const ENVIRONMENT = new Set(Object.values(SETTINGS).map(({ env }) => env));

/** The commands in a text. Each ends at the end of the text, or at the parenthesis around the command. */
const commandsIn = (text: string): string[] =>
  [...text.matchAll(/(?<=: |^|\()(kubectl|stellar-peers) [^()]*/g)].map(([found]) => found.trim());

describe('the advice on a reason', () => {
  it('has a command for each value that it says to set', () => {
    for (const [code, release] of RELEASES) {
      const says = (pattern: RegExp) => pattern.test(release);
      if (says(/stellar\.org\/[a-z-]+=\w/)) assert.match(release, /annotate|kubectl describe says/, code);
      for (const [, name = ''] of release.matchAll(/\b([A-Z_]{4,})=/g)) {
        assert.ok(ENVIRONMENT.has(name), `${code}: ${name}`);
        assert.ok(says(new RegExp(`set env deployment/stellar-peers ${name}=`)), code);
      }
      if (says(/[Ss]et spec\.|[Cc]orrect spec\./)) assert.match(release, /: kubectl /, code);
    }
  });

  it('names the objects, several in one command, and leaves no placeholder', () => {
    for (const [code] of RELEASES) {
      const told = releaseOf(reason(code), ['stellar/a', 'stellar/b']);
      assert.doesNotMatch(told, /\b(NAME|NAMESPACE|POD)\b/, code);
    }
    assert.equal(
      releaseOf(reason('Maintenance'), ['stellar/a', 'stellar/b']),
      `When the maintenance is over: kubectl -n stellar patch stellarnode a b --type=merge -p '{"spec":{"maintenanceMode":false}}'`,
    );
    assert.match(
      releaseOf(reason('OnRestart'), ['stellar/a', 'stellar/b']),
      /-n stellar delete pod a-0 b-0$/,
    );
    assert.match(releaseOf(reason('MergeFailed'), ['stellar/a', 'stellar/b']), /logs a-0 -c/);
    assert.match(releaseOf(reason('OutOfSync'), ['stellar/a', 'stellar/b']), /explain a -n stellar$/);
  });

  it('names only commands of ours that exist', () => {
    const ours = RELEASES.flatMap(([code, release]) =>
      commandsIn(release)
        .filter((command) => command.startsWith('stellar-peers '))
        .map((command) => [code, command.split(/[ ,]/)[1]] as const),
    );
    assert.ok(ours.length > 4);
    for (const [code, word] of ours)
      assert.ok(
        COMMANDS.some(({ name }) => name === word),
        `${code}: ${word}`,
      );
  });

  it('removes an unknown annotation from the object that has it', () => {
    const value = 'Pause; rm -rf';
    const [onNode] = oddOnNode({ 'stellar.org/peer-rollout': value });
    const [onNamespace] = oddOnNamespace({ 'stellar.org/peer-rolout': value });
    assert.ok(onNode && onNamespace);
    const told = [onNode, onNamespace].map((why) => releaseOf(why, ['stellar/a']));
    assert.deepEqual(told, [
      'Use RollingUpdate, Signal or OnRestart, remove the annotation, or pause on purpose: kubectl annotate stellarnode a -n stellar stellar.org/peer-rollout=paused --overwrite',
      'Correct the annotation that the detail names (docs/reference.md has all of them), or remove it: kubectl annotate namespace stellar stellar.org/peer-rolout-',
    ]);
    const annotations = { 'stellar.org/peer-rollout': value };
    const onMap = networkWorld({ a: {} }, { ownAnnotations: annotations });
    const reading = onMap.nodes.get('stellar/a');
    assert.ok(reading?.kind === 'validator');
    const verdict = updateStrategyOf(reading.validator, onMap, 'stellar-peers');
    assert.ok(verdict.kind === 'hold');
    assert.match(
      releaseOf(verdict.reason, ['stellar/a']),
      /: kubectl annotate configmap stellar-peers -n stellar-peers stellar\.org\/peer-rollout=paused --overwrite$/,
    );
  });
});
