/** The arm64 image, run by qemu against a control plane on this machine: its Node, libraries and bundle work together. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bundle } from '../../scripts/bundle.ts';
import { executableOf } from '../../scripts/executables.ts';
import { NODE_PATH, runtimeFiles } from '../../scripts/image/files.ts';
import { obtain } from '../../scripts/image/obtain.ts';
import { SOURCES } from '../../scripts/image/sources.ts';
import { Network } from '../cluster/network.ts';
import { createScene, type Scene } from '../cluster/scene.ts';

const EMULATED = join(import.meta.dirname, 'emulated.ts');
/** Longer times: under qemu a request takes more than a second, and a new leader needs more than four. */
const PATIENT = { REQUEST_TIMEOUT_SECONDS: '10', LEASE_DURATION_SECONDS: '30' };

describe('the image for arm64', () => {
  let root: string;
  let program: string;
  let scene: Scene | undefined;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'stellar-peers-arm64-'));
    for (const { path, content, mode } of runtimeFiles(
      obtain('arm64', () => undefined),
      SOURCES.arm64,
    )) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content, { mode });
    }
    program = join(root, 'app/dist/stellar-peers.mjs');
    await bundle(program);
  });
  after(async () => {
    await scene?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  const said = (...args: readonly string[]) =>
    execFileSync(process.execPath, [EMULATED, root, ...args], { encoding: 'utf8' }).trim();

  it('has a Node for arm64, which runs the command', () => {
    assert.equal(said('-p', 'process.arch'), 'arm64');
    assert.match(said(program, '--help'), /stellar-peers status/);
  });

  it('has the command as one executable, which needs only the libraries', () => {
    writeFileSync(join(root, 'command'), executableOf(program, join(root, NODE_PATH), 'linux'), {
      mode: 0o755,
    });
    const flags = ['-L', root, join(root, 'command'), '--version'];
    assert.match(execFileSync('qemu-aarch64', flags, { encoding: 'utf8' }), /^[0-9]+[.][0-9]+[.][0-9]+/);
  });

  it('issues certificates, admits three validators, and restarts them for a fourth, one at a time', async () => {
    scene = await createScene({ replicas: 1, program: [EMULATED, root, program, 'run'], env: PATIENT });
    await scene.start();
    const network = new Network(scene, 'emulated');
    await network.foundUpToDate();
    await network.add('validator-4');
    await network.untilFourth();
    await network.settledAsTheyWere();
  });
});
