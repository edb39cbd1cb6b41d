/** What setup says of a build or a download while it goes on: what is counted, never a guess. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

interface Progress {
  packagesIn(output: string): Set<string>;
  reading(output: string): string;
  compiling(output: string, toCompile: ReadonlySet<string>): string;
  downloaded(received: number, total?: number): string;
  PACKAGE: RegExp;
}

interface Run {
  run(command: string, args: string[], options: { progress: RegExp }): Promise<string>;
}

/** Plain JavaScript, since setup runs before there is a Node that runs TypeScript. */
const load = (name: string): Promise<unknown> =>
  import(new URL(`../../scripts/setup/${name}`, import.meta.url).href);
const { packagesIn, reading, compiling, downloaded, PACKAGE } = (await load('progress.mjs')) as Progress;
const { run } = (await load('run.mjs')) as Run;

const DOWNLOADS = 'go: downloading sigs.k8s.io/kwok v0.8.0\ngo: downloading k8s.io/api v0.37.2\n';
const LISTED = 'internal/goarch\nvendor/golang.org/x/net/idna\ngithub.com/a-b/c_d/v2\n';

describe('the progress of a build', () => {
  const toCompile = packagesIn(DOWNLOADS + LISTED);

  it('is counted against the packages that Go has not in its cache', () => {
    assert.deepEqual([...toCompile], LISTED.trim().split('\n'));
    assert.deepEqual(packagesIn(''), new Set());
  });

  it('is the number of packages that Go has begun to compile, whatever else it prints', () => {
    assert.equal(compiling('', toCompile), 'package 0 of 3');
    assert.equal(compiling('internal/goarch\n', toCompile), 'package 1 of 3');
    const noise = `${DOWNLOADS}# github.com/a-b/c_d/v2\nwarning: x\nsigs.k8s.io/kwok/cmd/kwok\n`;
    assert.equal(compiling(`${noise}internal/goarch\n`, toCompile), 'package 1 of 3');
  });

  it('is linking once all packages are begun, and from the start where all are in the cache', () => {
    assert.equal(compiling(LISTED, toCompile), 'all packages begun, linking');
    assert.equal(compiling('', new Set()), 'all packages begun, linking');
  });

  it('says of the time before that what goes on then', () => {
    assert.equal(reading(''), 'reading the sources');
    assert.equal(reading(DOWNLOADS), 'downloading Go modules, 2 begun');
  });

  it('is left out of what a failure shows, and no line of a failure with it', () => {
    for (const line of LISTED.trim().split('\n')) assert.match(line, PACKAGE);
    for (const line of ['# k8s.io/api', 'a.go:1:2: undefined: x', '\tvar a int', 'note: module', ''])
      assert.doesNotMatch(line, PACKAGE);
  });

  it('does not bury the error of a build that failed', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `k8s.io/api/v${index}`).join(' ');
    const script = `echo '# k8s.io/api'; echo 'a.go:1:2: undefined: x'; for name in ${names}; do echo $name; done; exit 1`;
    const failed = run('sh', ['-c', script], { progress: PACKAGE });
    await assert.rejects(failed, { message: 'sh -c failed (exit 1):\n# k8s.io/api\na.go:1:2: undefined: x' });
  });
});

describe('the progress of a download', () => {
  it('is what has come, of what the server says there is', () => {
    assert.equal(downloaded(12_340_000, 76_000_000), '12.3 of 76.0 MB');
    assert.equal(downloaded(12_340_000), '12.3 MB');
  });
});
