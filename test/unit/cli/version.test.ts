import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { it, type TestContext } from 'node:test';
import { runProgram } from '../../../cli/program.ts';
import metadata from '../../../package.json' with { type: 'json' };
import { listening } from '../runtime/listening.ts';
import { FakeTerminal } from './fake-terminal.ts';

const OWN = metadata.version;

/** The output of `version` if the Deployment has that image, or, without `image`, if there is no Deployment. */
async function version(t: TestContext, image: string | undefined, ...args: string[]) {
  const deployment = {
    metadata: { name: 'stellar-peers' },
    spec: { template: { spec: { containers: [{ name: 'stellar-peers', image }] } } },
  };
  const server = createServer((_, response) => {
    response.statusCode = image === undefined ? 404 : 200;
    response.end(JSON.stringify(image === undefined ? {} : deployment));
  });
  const terminal = new FakeTerminal();
  const flag = `--server=http://127.0.0.1:${await listening(t, server)}`;
  const env = { HOME: '/nonexistent' };
  const { code } = await runProgram(['version', flag, ...args], { env, terminal });
  return { code, out: terminal.out, err: terminal.err };
}

it('version prints the version of the command, and that of the replicas from their image', async (t) => {
  for (const image of ['r.example:5000/stellar-peers:0.9.0', 'stellar-peers:0.9.0@sha256:abc'])
    assert.deepEqual(await version(t, image), {
      code: 0,
      out: `command:  ${OWN}\nreplicas: 0.9.0\n`,
      err: '',
    });
  const { out } = await version(t, 'stellar-peers:0.9.0', '-o', 'json');
  assert.deepEqual(JSON.parse(out), { client: OWN, replicas: '0.9.0' });
});

it('version says if the version of the replicas is unknown, and with --client asks no cluster', async (t) => {
  const unknown = `command:  ${OWN}\nreplicas: not known\n`;
  assert.deepEqual(await version(t, undefined), {
    ...{ code: 0, out: unknown, err: 'There is no Deployment stellar-peers/stellar-peers.\n' },
  });
  assert.equal(
    (await version(t, 'r.example:5000/stellar-peers')).err,
    'The image of Deployment stellar-peers/stellar-peers has no tag.\n',
  );
  const terminal = new FakeTerminal();
  const { code } = await runProgram(['version', '--client'], { env: { HOME: '/nonexistent' }, terminal });
  assert.deepEqual([code, terminal.out], [0, `command:  ${OWN}\n`]);
});
