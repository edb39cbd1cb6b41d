import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { expected, FILE, lines, PEERS, runEach, type Volumes, withVolumes } from './merge-runs.ts';
import { type Shell, underEachShell } from './merge-shells.ts';

const CFG = 'HTTP_PORT=11626\n';
const MERGED = expected(CFG, []).text;
const text = (volumes: Volumes, file?: string): string => volumes.read(file).toString();
const isRoot = process.getuid?.() === 0;
/** A user without root rights: undefined if the tests already run as such a user. */
const UNPRIVILEGED = isRoot ? 65_534 : undefined;

describe('the folder that the main container sees', () => {
  underEachShell('has every other file of the original, with its present content', (shell) => {
    withVolumes({ [FILE]: CFG, NETWORK_PASSPHRASE: 'Test', '.hidden': 'a', 'b c': 'd' }, (volumes) => {
      volumes.run(shell);
      assert.deepEqual(readdirSync(volumes.target).sort(), ['.hidden', 'NETWORK_PASSPHRASE', 'b c', FILE]);
      volumes.publish({ [FILE]: 'X=1\n', NETWORK_PASSPHRASE: 'Public', '.hidden': 'b', 'b c': 'e' });
      assert.equal(text(volumes, 'NETWORK_PASSPHRASE'), 'Public');
      assert.equal(text(volumes, '.hidden'), 'b');
      assert.equal(text(volumes, 'b c'), 'e');
      assert.equal(text(volumes), MERGED);
    });
  });

  underEachShell('may have file names of any characters, also for the configuration', (shell) => {
    const names = [
      '-rf',
      '--',
      '-n core.cfg',
      '*',
      'a b  c.cfg',
      '$(x)`y`',
      '"q\'',
      '\\n%s',
      '.c',
      'a\nb',
      'ā',
      '[x]',
    ];
    const files = Object.fromEntries(names.map((name) => [name, CFG]));
    const cases = names.map((file) => ({
      files,
      asked: { file },
      check: (volumes: Volumes, { outcome }: { outcome: string | undefined }) => {
        assert.equal(outcome, 'Merged KNOWN_PEERS 3', file);
        assert.deepEqual(readdirSync(volumes.target).sort(), [...names].sort());
        for (const name of names) assert.equal(text(volumes, name), name === file ? MERGED : CFG);
      },
    }));
    runEach(shell, cases);
  });

  underEachShell('has the folders and links of the original, with broken links', (shell) => {
    withVolumes({ [FILE]: CFG }, (volumes) => {
      mkdirSync(join(volumes.original, 'keys'));
      writeFileSync(join(volumes.original, 'keys', 'seed'), 'S');
      symlinkSync('nowhere', join(volumes.original, 'broken'));
      for (const _ of [1, 2]) assert.equal(volumes.run(shell).outcome, 'Merged KNOWN_PEERS 3');
      assert.deepEqual(readdirSync(volumes.target).sort(), ['broken', 'keys', FILE]);
      assert.equal(text(volumes, 'keys/seed'), 'S');
      assert.deepEqual(readdirSync(join(volumes.original, 'keys')), ['seed']);
    });
  });

  underEachShell('is rebuilt from the original when the script runs again', (shell) => {
    withVolumes({ [FILE]: CFG, gone: 'x' }, (volumes) => {
      const files = () => readdirSync(volumes.target).sort();
      volumes.run(shell);
      volumes.run(shell);
      assert.equal(text(volumes), MERGED);

      rmSync(join(volumes.original, 'gone'));
      writeFileSync(join(volumes.target, '..stellar-peers.new'), 'of a run that was cut off');
      volumes.publish({ [FILE]: 'KNOWN_PEERS=[]\n' });
      assert.equal(volumes.run(shell).outcome, 'Merged PREFERRED_PEERS 3');
      assert.equal(text(volumes), expected('KNOWN_PEERS=[]\n', ['KNOWN_PEERS']).text);
      assert.deepEqual(files(), [FILE]);

      assert.equal(volumes.run(shell, { peers: '/nowhere' }).outcome, 'NoPeers');
      assert.equal(text(volumes), 'KNOWN_PEERS=[]\n');

      volumes.run(shell);
      rmSync(join(volumes.original, FILE));
      assert.equal(volumes.run(shell).outcome, 'ConfigMissing');
      assert.deepEqual(files(), []);
    });
  });

  underEachShell('can be read by any user, whichever user runs the script', (shell, t) => {
    if (!isRoot) return t.skip('only root can run the script as another user');
    withVolumes({ [FILE]: CFG }, (volumes) => {
      chownSync(volumes.target, 65_534, 65_534);
      assert.equal(volumes.run(shell, { uid: 65_534 }).outcome, 'Merged KNOWN_PEERS 3');
      const { mode, uid } = statSync(join(volumes.target, FILE));
      assert.deepEqual([mode & 0o777, uid], [0o644, 65_534]);
    });
  });
});

describe('the original is used, and the container starts', () => {
  /** Runs the script, then checks that the main container reads the original, with later changes of the original. */
  function untouched(
    volumes: Volumes,
    shell: Shell,
    asked: Parameters<Volumes['run']>[1],
    outcome: RegExp,
  ): void {
    const run = volumes.run(shell, asked);
    assert.match(run.outcome ?? '', outcome, run.said);
    assert.equal(run.status, 0);
    assert.match(run.said, /^stellar-core\.cfg: .*\.\n$/);
    assert.equal(text(volumes), CFG);
    assert.deepEqual(readdirSync(volumes.target), [FILE]);
    volumes.publish({ [FILE]: 'LIVE=1\n' });
    assert.equal(text(volumes), 'LIVE=1\n');
  }
  const each = (body: (volumes: Volumes) => void, peers?: string): void =>
    withVolumes({ [FILE]: CFG }, body, peers);

  underEachShell('where there are no peers, or only garbage', (shell) => {
    const garbage = [
      '',
      '\n\n',
      'x',
      ':\n',
      '[::1]:1\nhttp://a:1\na:1:2\n',
      '\u0000\u0001\u00ff',
      'a:1 ',
      ' a:1',
      '# a:1',
    ];
    for (const peers of garbage) each((volumes) => untouched(volumes, shell, {}, /^NoPeers$/), peers);
    each((volumes) => untouched(volumes, shell, { peers: '/nowhere' }, /^NoPeers$/));
    each((volumes) => untouched(volumes, shell, { peers: volumes.root }, /^NoPeers$/));
  });

  underEachShell('where the original names peers under every allowed key', (shell) => {
    for (const [key, original] of [
      ['auto', 'KNOWN_PEERS=[]\nPREFERRED_PEERS=[]\n'],
      ['KNOWN_PEERS', 'KNOWN_PEERS=[]\n'],
      ['PREFERRED_PEERS', 'PREFERRED_PEERS=[]\n'],
    ] as const) {
      withVolumes({ [FILE]: original }, (volumes) => {
        assert.equal(volumes.run(shell, { key }).outcome, 'BothTaken');
        assert.equal(text(volumes), original);
      });
    }
  });

  underEachShell('where the requested key is neither KNOWN_PEERS nor PREFERRED_PEERS', (shell) => {
    for (const key of ['PREFERRED_PEERS_ONLY', '', '*', 'known_peers']) {
      each((volumes) => untouched(volumes, shell, { key }, /^MergeFailed .*key/));
    }
  });

  underEachShell('where the image lacks a tool', (shell, t) => {
    if (shell.name.startsWith('busybox')) return t.skip('busybox may have its tools built into the shell');
    each((volumes) => untouched(volumes, shell, { lacking: 'cat' }, /^MergeFailed .*written/));
    each((volumes) => untouched(volumes, shell, { lacking: 'mv' }, /^MergeFailed .*written/));
  });

  underEachShell('where the target folder was filled once and is no longer writable', (shell) => {
    each((volumes) => {
      volumes.run(shell, { peers: '/nowhere' });
      chmodSync(volumes.target, 0o555);
      untouched(volumes, shell, { uid: UNPRIVILEGED }, /^MergeFailed .*written/);
    });
  });

  underEachShell('where the target is too small for a copy, or for any file', (shell, t) => {
    for (const [limit, used, original] of [
      ['size=4k', 0, `${CFG}${'# long\n'.repeat(1000)}`],
      ['size=4k', 4096, CFG],
      ['size=4k', 4096, ''],
      ['nr_inodes=2', 0, CFG],
    ] as const) {
      withVolumes({ [FILE]: original }, (volumes) => {
        const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', limit, 'tmpfs', volumes.target]);
        if (status !== 0) return t.skip(`no file system may be mounted: ${stderr}`);
        try {
          if (used > 0) writeFileSync(join(volumes.target, 'filler'), 'x'.repeat(used));
          const run = volumes.run(shell);
          assert.deepEqual([run.status, text(volumes)], [0, original], `${limit}: ${run.said}`);
          assert.match(run.outcome ?? '', /^MergeFailed .*written/);
          assert.deepEqual(readdirSync(volumes.target).sort(), used > 0 ? ['filler', FILE] : [FILE]);
        } finally {
          spawnSync('umount', [volumes.target]);
        }
      });
    }
  });
});

describe('the merge script', () => {
  underEachShell('writes no configuration if it cannot read one', (shell) => {
    withVolumes({ other: 'x' }, (volumes) => {
      mkdirSync(join(volumes.original, 'folder'));
      symlinkSync('nowhere', join(volumes.original, 'broken'));
      for (const file of [FILE, 'folder', 'broken', '..data']) {
        const { status, outcome } = volumes.run(shell, { file });
        assert.deepEqual([status, outcome], [0, 'ConfigMissing']);
        assert.deepEqual(readdirSync(volumes.target).sort(), ['broken', 'folder', 'other']);
      }
    });
    withVolumes({ [FILE]: CFG }, (volumes) => {
      chmodSync(join(volumes.original, FILE), 0);
      chmodSync(volumes.target, 0o777);
      const { status, outcome } = volumes.run(shell, { uid: UNPRIVILEGED });
      assert.deepEqual([status, outcome], [0, 'ConfigMissing']);
    });
    withVolumes({}, (volumes) => {
      rmSync(volumes.original, { recursive: true });
      assert.equal(volumes.run(shell).outcome, 'ConfigMissing');
    });
  });

  underEachShell('takes exactly the lines that are host:port, and counts the others', (shell) => {
    const good = ['a:1', 'A-1.b:65535', '192.0.2.1:11625', `${'h'.repeat(253)}:11625`, '1:2'];
    const bad = [
      'a',
      'a:',
      ':1',
      'a:0',
      'a:01',
      'a:65536',
      'a:99999',
      'a:100000',
      'a:1x',
      'a:+1',
      'a:-1',
      'a:1:2',
    ];
    const worse = [
      '-a:1',
      'a-:1',
      '.a:1',
      'a.:1',
      'a..b:1',
      'a_b:1',
      'a b:1',
      'a:1 ',
      ' a:1',
      'a,b:1',
      'ā:1',
      '*:1',
    ];
    const odd = [
      '"a:1"',
      'a":1',
      '$(x):1',
      '\\:1',
      '`:1',
      '',
      '#a:1',
      '12345',
      `${'h'.repeat(254)}:11625`,
      'a:1\r\r',
    ];
    const mixed = [...bad, good[0], ...worse, ...good.slice(1), ...odd]
      .join('\n')
      .replace('a:1\n', 'a:1\r\n');
    withVolumes(
      { [FILE]: '' },
      (volumes) => {
        const { outcome, said } = volumes.run(shell);
        assert.equal(outcome, 'Merged KNOWN_PEERS 5');
        assert.match(said, new RegExp(`no host:port: ${bad.length + worse.length + odd.length}\\.`));
        assert.match(text(volumes), new RegExp(good.map((peer) => `"${peer}",`).join('\\s+')));
      },
      mixed,
    );
    withVolumes(
      { [FILE]: CFG },
      (volumes) => assert.equal(volumes.run(shell).outcome, 'Merged KNOWN_PEERS 3'),
      lines(PEERS).trimEnd().replaceAll('\n', '\r\n'),
    );
  });

  underEachShell('does not need a file for its termination message', (shell) => {
    for (const log of ['/nowhere/log', '/', '']) {
      withVolumes({ [FILE]: CFG }, (volumes) => {
        const { status, said } = volumes.run(shell, { log });
        assert.equal(status, 0);
        assert.match(said, /as KNOWN_PEERS: 3;/);
        assert.equal(text(volumes), MERGED);
      });
    }
  });

  underEachShell('fails, to be run again, instead of a start with an empty folder', (shell) => {
    const refused = (volumes: Volumes, asked: Parameters<Volumes['run']>[1]) => {
      const { status, outcome } = volumes.run(shell, asked);
      assert.equal(status, 1);
      assert.match(outcome ?? '', /^MergeFailed .*link/);
    };
    withVolumes({ [FILE]: CFG }, (volumes) => {
      refused(volumes, { target: '/nowhere' });
      refused(volumes, { target: volumes.peers });
      if (!shell.name.startsWith('busybox')) refused(volumes, { lacking: 'ln' });
      chmodSync(volumes.target, 0o555);
      refused(volumes, { uid: UNPRIVILEGED });
      assert.deepEqual(readdirSync(volumes.target), []);
    });
  });
});
