/** Which configuration the stellar-core of a container reads, by the command and args of the container. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startedWith } from '../../../peers/injection/started-with.ts';
import { podShapeOf } from '../../../peers/read/pod-shape.ts';

const FILE = '/config/stellar-core.cfg';

/** `this` if the container reads the given file, else `another` or `unknown`. */
function told(container: object, file = FILE) {
  const [main] = podShapeOf({ spec: { containers: [container] } }).containers;
  assert.ok(main);
  return startedWith(main, file);
}

describe('a container', () => {
  for (const container of [
    { args: ['run', '--conf', FILE] },
    { args: ['--conf=/config/./stellar-core.cfg', 'run'] },
    { command: ['stellar-core', 'run', '--conf', 'stellar-core.cfg'], workingDir: '/config' },
    { command: ['sh', '-c', `exec stellar-core run --conf "${FILE}"`] },
    { command: ['/start.sh', FILE] },
    { command: ['sh', '-c', `stellar-core new-db --conf /tmp/a.cfg; exec stellar-core run --conf ${FILE}`] },
    { command: ['/usr/bin/stellar-core', 'run'], workingDir: '/config' },
  ])
    it(`reads the file: ${JSON.stringify(container)}`, () => assert.equal(told(container), 'this'));

  for (const container of [
    { args: ['run', '--conf', '/etc/other.cfg'] },
    { args: ['run', '--conf', 'stellar-core.cfg'] },
    { command: ['sh', '-c', "stellar-core --conf '/etc/other.cfg' run"] },
    { command: ['/usr/bin/stellar-core', 'run'] },
  ])
    it(`reads another: ${JSON.stringify(container)}`, () => assert.equal(told(container), 'another'));

  for (const container of [
    {},
    { args: ['run'] },
    { command: ['/start.sh'] },
    { command: ['sh', '-c', 'stellar-core run --conf $CONF'] },
    { args: ['run', '--conf', '$(CONF)'] },
    { command: ['sh', '-c', `envsubst < ${FILE} > /tmp/a.cfg; exec stellar-core run --conf /tmp/a.cfg`] },
    { command: ['sh', '-c', 'cp /config/* /tmp; exec stellar-core run --conf /tmp/stellar-core.cfg'] },
    { command: ['sh', '-c', 'cd /config && exec stellar-core run --conf stellar-core.cfg'] },
    { command: 'no list', args: [7] },
  ])
    it(`does not tell: ${JSON.stringify(container)}`, () => assert.equal(told(container), 'unknown'));

  it('reads the file in its working directory, or in that of the stock image if it names none', () => {
    assert.equal(told({ command: ['stellar-core', 'run'] }, '/etc/stellar/stellar-core.cfg'), 'this');
  });
});
