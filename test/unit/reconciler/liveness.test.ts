import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { LivenessMemory } from '../../../reconciler/plan/restarts/liveness.ts';
import { node, pod, statefulSet, worldWith } from '../world.ts';
import { DISCOVERY, digest } from './group.ts';

const MINUTE_MS = 60_000;

/** A memory that saw these pods, the earlier of two sets first. */
const seeing = (startedAtMs: number) => {
  const memory = new LivenessMemory(startedAtMs);
  const observe = (pods: ReturnType<typeof pod>[], nowMs: number) => {
    const world = worldWith({
      nodes: ['a', 'b'].map((name) => node(name)),
      statefulSets: ['a', 'b'].map((name) => statefulSet(name)),
      pods,
    });
    memory.observe(world, discover(world, DISCOVERY), nowMs);
  };
  return { memory, observe };
};

describe('the memory of members that ran', () => {
  it('counts a member as live while its own pod runs, Ready or not', () => {
    const { memory, observe } = seeing(0);
    observe([pod('a', { ready: false }), pod('b')], 0);
    assert.equal(memory.at(0).isLive(digest('a')), true);
    const dead = [
      pod('a', { phase: 'Pending' }),
      pod('a', { ownerUid: 'of-a-stranger' }),
      pod('a', { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    ];
    for (const each of dead) {
      observe([each], 1);
      assert.equal(memory.at(1).isLive(digest('a')), false);
    }
  });

  it('remembers for ten minutes that a member ran', () => {
    const { memory, observe } = seeing(0);
    for (const minute of [0, 10, 20]) observe([pod('a'), pod('b')], minute * MINUTE_MS);
    for (const minute of [21, 29, 30]) observe([pod('b')], minute * MINUTE_MS);
    // It was found gone at minute 21, and may have run until then.
    observe([pod('b')], 31 * MINUTE_MS);
    assert.equal(memory.at(31 * MINUTE_MS).wasLive(digest('a')), true);
    assert.equal(memory.at(31 * MINUTE_MS).isLive(digest('a')), false);
    observe([pod('b')], 31 * MINUTE_MS + 1);
    assert.equal(memory.at(31 * MINUTE_MS + 1).wasLive(digest('a')), false);
    assert.equal(memory.at(31 * MINUTE_MS + 1).wasLive(digest('b')), true);
  });

  it('counts the ten minutes from when it was found gone, though the leader did not look for long before', () => {
    const { memory, observe } = seeing(0);
    observe([pod('a')], 0);
    observe([], 60 * MINUTE_MS);
    observe([], 69 * MINUTE_MS);
    assert.equal(memory.at(69 * MINUTE_MS).wasLive(digest('a')), true);
  });

  it('gives all the benefit of the doubt until it has watched for ten minutes', () => {
    const { memory, observe } = seeing(5 * MINUTE_MS);
    observe([], 5 * MINUTE_MS);
    assert.equal(memory.at(15 * MINUTE_MS).wasLive('01234567'), true);
    assert.equal(memory.at(15 * MINUTE_MS + 1).wasLive('01234567'), false);
  });
});
