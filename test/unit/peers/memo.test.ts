import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { madeOnce, memoised } from '../../../peers/memo.ts';

describe('what is worked out once', () => {
  it('is made when it is first asked for, and is then the same object', () => {
    let made = 0;
    const answer = madeOnce(() => ({ number: ++made }));
    assert.equal(made, 0);
    assert.equal(answer(), answer());
    assert.equal(made, 1);
  });

  it('is the right answer for each text, also for those that were forgotten meanwhile', () => {
    const asked: string[] = [];
    const lengthOf = memoised((text) => asked.push(text) && text.length, 10);
    for (const round of [1, 2]) {
      for (let index = 0; index < 100; index += 1) {
        assert.equal(lengthOf('x'.repeat(index)), index, `round ${round}`);
        assert.equal(lengthOf('often'), 5);
      }
    }
    assert.equal(asked.filter((text) => text === 'often').length, 1, 'what is asked for often stays');
    assert.equal(asked.length, 201, 'what is not is worked out again');
  });
});
