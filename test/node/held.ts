/** Starts a machine with a container and waits for ever, or fails with HELD=fail. clean-up.test.ts interrupts it. */
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { PAUSE } from './images.ts';
import { bootMachine, cgroupName } from './place.ts';

const { machine } = await bootMachine();
await machine.ctr('run', '-d', '--cgroup', `${cgroupName()}/held`, PAUSE, 'held');
if (process.env.HELD === 'fail') throw new Error('the test fails here');
await delay(600_000);
