import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { inSlices } from '../../../runtime/slices.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';

const STEP_MS = 3;
/** The time after which a slice is over, and the step in which that happens. */
const TURN_MS_MAX = 8 + STEP_MS;

/** A clock that moves with the work, and a counter of the turns of the event loop. */
class Stage {
  readonly clock = new ManualClock();
  turn = 0;
  /** Which work ran in which turn, one entry for each step. */
  readonly done: Array<{ readonly turn: number; readonly name: string }> = [];

  *work(name: string, steps: number): Generator<undefined, string> {
    for (let step = 0; step < steps; step += 1) {
      this.clock.advance(STEP_MS);
      this.done.push({ turn: this.turn, name });
      yield;
    }
    return name;
  }

  /** Runs the works of all these names in slices at once, and counts the turns. Resolves to their results. */
  async workAtOnce(names: readonly string[], steps: number): Promise<string[]> {
    let isOver = false;
    const count = async () => {
      while (!isOver) {
        await turn();
        this.turn += 1;
      }
    };
    const counting = count();
    await turn();
    const all = await Promise.all(names.map((name) => inSlices(this.clock, this.work(name, steps))));
    isOver = true;
    await counting;
    return all;
  }
}

describe('long work in slices', () => {
  it('never takes longer in one turn of the event loop than a slice, however much of it goes on at once', async () => {
    const stage = new Stage();
    const names = ['a', 'b', 'c', 'd'];
    assert.deepEqual(await stage.workAtOnce(names, 20), names, 'each resolves to what it returns');
    for (const [number, steps] of Map.groupBy(stage.done, (step) => step.turn)) {
      assert.ok(steps.length * STEP_MS <= TURN_MS_MAX, `${steps.length} steps in turn ${number}`);
    }
  });

  it('takes turns in order, so no work holds up another', async () => {
    const stage = new Stage();
    await stage.workAtOnce(['a', 'b'], 30);
    const endOf = (name: string) => stage.done.findLastIndex((step) => step.name === name);
    assert.ok(Math.abs(endOf('a') - endOf('b')) <= 6, `${endOf('a')} and ${endOf('b')}`);
  });

  it('ends in the same turn if it is short', async () => {
    const stage = new Stage();
    let isOver = false;
    void inSlices(stage.clock, stage.work('a', 2)).then(() => {
      isOver = true;
    });
    await Promise.resolve();
    await Promise.resolve();
    assert.ok(isOver);
  });
});
