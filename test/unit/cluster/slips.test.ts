/** Each restart is counted, and counted once, even if the StatefulSet controller needed two pods for one restart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPastSlips, isSlip, type Life } from '../../cluster/slips.ts';

const OLD = 'validator-1-aaa';
const NEW = 'validator-1-bbb';

const ready = (revision: string): Life => ({ uid: 'u', revision, createdAtMs: 1, ranAtMs: 2, readyAtMs: 3 });
const ran = (revision: string): Life => ({ uid: 'u', revision, createdAtMs: 1, ranAtMs: 2 });
const made = (revision: string): Life => ({ uid: 'u', revision, createdAtMs: 1 });

const restarts = (lives: readonly Life[]): number =>
  lives.length - 1 - lives.filter((_, index) => isSlip(lives, index)).length;

describe('one restart is counted', () => {
  it('where a pod of the old revision ran in between, and was never Ready', () =>
    assert.equal(restarts([ready(OLD), ran(OLD), ready(NEW)]), 1));

  it('where a pod was replaced before it ran', () =>
    assert.equal(restarts([ready(OLD), made(NEW), ready(NEW)]), 1));

  it('where the first pod of the new revision was young when another pod of the same revision replaced it', () =>
    assert.equal(restarts([ready(OLD), { ...ready(NEW), terminatingAtMs: 400 }, ready(NEW)]), 1));

  it('where a pod came back once', () => assert.equal(restarts([ready(OLD), ran(NEW)]), 1));
});

describe('two restarts are counted', () => {
  it('where the pod in between was Ready', () =>
    assert.equal(restarts([ready(OLD), ready(OLD), ready(NEW)]), 2));

  it('where the pod in between had a third revision', () =>
    assert.equal(restarts([ready(OLD), ran(NEW), ready('validator-1-ccc')]), 2));

  it('where the first pod of the new revision was replaced when older, or is not known to have ended', () => {
    assert.equal(restarts([ready(OLD), { ...ready(NEW), terminatingAtMs: 1_500 }, ready(NEW)]), 2);
    assert.equal(restarts([ready(OLD), ready(NEW), ready(NEW)]), 2);
  });

  it('where the same revision came back twice', () =>
    assert.equal(restarts([ready(OLD), ran(OLD), ready(OLD)]), 2));
});

it('a pod that a test deletes counts as restarted if the pod has run, and is old enough', () => {
  const deletedAt = (terminatingAtMs: number) =>
    restarts([ready(OLD), { ...ready(NEW), terminatingAtMs }, ready(NEW)]);
  for (const atMs of [500, 1_000, 1_001, 1_500])
    assert.equal(deletedAt(atMs), isPastSlips(ready(NEW), atMs) ? 2 : 1, `${atMs}`);
  assert.equal(isPastSlips(made(NEW), 5_000), false);
});
