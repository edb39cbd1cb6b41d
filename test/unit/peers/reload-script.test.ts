/** What the sidecar tells a running stellar-core, and when. */
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { RELOAD_SCRIPT } from '../../../peers/injection/reload-script.ts';
import { type Shell, underEachShell } from './merge-shells.ts';
import { Sidecar } from './reload-runs.ts';

const [A, B, C] = ['10.0.0.1:11625', '10.0.0.2:11625', '10.0.0.3:11725'] as const;
const NAMED = 'validator-4-0.validator-4-headless.stellar.svc.cluster.local:11625';
/** One look to see a change, one to find it quiet. The first look is made before any time passes. */
const QUIET = 2;
/** More looks than the longest pause. */
const LONG = 40;
const BOOTING = '{ "exception" : "Core is booting, try later" }\n';

/** Runs one until the test is over. */
const withSidecar =
  (options: ConstructorParameters<typeof Sidecar>[1], body: (sidecar: Sidecar) => Promise<void>) =>
  async (shell: Shell): Promise<void> => {
    const sidecar = new Sidecar(shell, options);
    try {
      await body(sidecar);
      assert.equal(sidecar.hasEnded, false, 'it does not end by itself');
    } finally {
      await sidecar.stop();
    }
  };

describe('the sidecar', () => {
  underEachShell(
    'tells of a peer once, when the list has been quiet for a look',
    withSidecar({ peers: [] }, async (sidecar) => {
      sidecar.takes(A);
      sidecar.takes(B);
      await sidecar.look(QUIET);
      assert.deepEqual(sidecar.asked, [], 'nothing to tell, nothing asked');
      sidecar.publish([A]);
      await sidecar.look();
      sidecar.publish([A, B]);
      await sidecar.look();
      assert.deepEqual(sidecar.asked, []);
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, [A, B]);
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, []);
    }),
  );

  underEachShell(
    'asks for the peers first, and tells of none that is connected, whichever end has dialled',
    withSidecar({ peers: [A, B, C] }, async (sidecar) => {
      sidecar.connected([A], ['10.0.0.2:11625', '10.0.0.3:11625']);
      sidecar.takes(C);
      await sidecar.look(QUIET);
      assert.deepEqual(sidecar.asked, ['info', 'peers', 'connect?peer=10.0.0.3&port=11725']);
    }),
  );

  underEachShell(
    'finds a name connected by its address, and tells of one by its address',
    withSidecar({ peers: [NAMED, 'other.example.org:11625'], getent: true }, async (sidecar) => {
      sidecar.hosts({ [NAMED.slice(0, -6)]: '10.0.0.1', 'other.example.org': '10.0.0.2' });
      sidecar.connected([A]);
      sidecar.takes(B);
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, [B]);
    }),
  );

  underEachShell(
    'tells of the peers behind one that does not resolve, and of that one when it resolves',
    withSidecar({ peers: [NAMED, B], getent: true }, async (sidecar) => {
      sidecar.takes(A);
      sidecar.takes(B);
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, [B]);
      sidecar.hosts({ [NAMED.slice(0, -6)]: '10.0.0.1' });
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, [A]);
    }),
  );

  underEachShell(
    'tells again of a peer whose name has another address, as after its pod was replaced',
    withSidecar({ peers: [NAMED, 'other.example.org:11625'], getent: true }, async (sidecar) => {
      const [name, other] = [NAMED.slice(0, -6), 'other.example.org'];
      for (const peer of [A, B, '10.0.0.3:11625']) sidecar.takes(peer);
      sidecar.hosts({ [name]: '10.0.0.1', [other]: '10.0.0.2' });
      sidecar.connected(['10.0.0.2:11625']);
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, [A]);
      sidecar.hosts({});
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, [], 'no address is no other address');
      sidecar.connected([]);
      sidecar.hosts({ [name]: '10.0.0.1', [other]: '10.0.0.3' });
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, ['10.0.0.3:11625']);
    }),
  );

  underEachShell(
    'names a peer to stellar-core where nothing resolves names, which refuses one without an end for the others',
    withSidecar({ peers: [NAMED, B] }, async (sidecar) => {
      sidecar.answer('connect', '{ "exception" : "unable to resolve" }\n');
      sidecar.takes(B);
      await sidecar.look(QUIET);
      assert.deepEqual(sidecar.told, [NAMED, B]);
      sidecar.takes(NAMED);
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, [NAMED]);
    }),
  );

  underEachShell(
    'leaves to stellar-core what the merged configuration names',
    withSidecar(
      { config: `# written by stellar-peers\nKNOWN_PEERS=[\n  "${A}",\n]\nX=1\n`, peers: [A] },
      async (sidecar) => {
        sidecar.takes(B);
        await sidecar.look(LONG);
        assert.deepEqual(sidecar.asked, []);
        sidecar.publish([A, B]);
        await sidecar.look(LONG);
        assert.deepEqual(sidecar.told, [B]);
      },
    ),
  );

  underEachShell(
    'tells of no more peers than stellar-core has slots, and of the next ones when slots are free',
    withSidecar({}, async (sidecar) => {
      const many = Array.from({ length: 10 }, (_, index) => `10.0.1.${index}:11625`);
      for (const peer of many) sidecar.takes(peer);
      sidecar.publish(many);
      sidecar.connected(['10.0.2.1:1', '10.0.2.2:1'], ['10.0.3.1:1', '10.0.3.2:1']);
      await sidecar.look(QUIET);
      assert.deepEqual(sidecar.told, many.slice(0, 6));
      sidecar.connected([...many.slice(0, 6), '10.0.2.1:1', '10.0.2.2:1']);
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, []);
      sidecar.connected(many.slice(0, 6));
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, many.slice(6, 8));
    }),
  );

  underEachShell(
    'is not misled by what a stranger calls itself',
    withSidecar({ peers: [A] }, async (sidecar) => {
      const inbound = Array.from({ length: 12 }, (_, index) => `10.0.9.${index}:1`);
      sidecar.connected([], inbound, [
        'v1"outbound',
        'outbound',
        'address',
        '"',
        ' : ',
        '"address" : ',
        `" outbound "address" : "${A}`,
        'v1"address',
        `v1\\"outbound`,
      ]);
      sidecar.takes(A);
      await sidecar.look(QUIET);
      assert.deepEqual(sidecar.told, [A]);
    }),
  );

  const LOGS = '2026-11-30 [default WARNING] "authenticated" is not here\n';
  for (const [title, text] of [
    ['is booting', BOOTING],
    ['says nothing', ''],
    ['talks nonsense', `${LOGS}<h1>404</h1>`.repeat(2_000)],
    ['answers with bytes', Buffer.from([0, 1, 255, 34, 0, 34, 10, 34])],
  ] as const)
    underEachShell(
      `asks again after growing pauses while stellar-core ${title}, and tells it then`,
      withSidecar({ peers: [A] }, async (sidecar) => {
        sidecar.answer('info', text);
        sidecar.answer('peers', text);
        const asks: number[] = [];
        for (let look = 0; look < 80; look += 1) {
          await sidecar.look();
          if (sidecar.asked.includes('peers')) asks.push(look);
        }
        const pauses = asks.slice(1).map((look, index) => look - (asks[index] ?? 0));
        assert.deepEqual(pauses, [2, 3, 5, 9, 17, 33].slice(0, pauses.length));
        assert.ok(pauses.length >= 5, String(pauses));
        sidecar.connected([]);
        sidecar.takes(A);
        await sidecar.look(LONG);
        assert.deepEqual(sidecar.told, [A]);
      }),
    );

  underEachShell(
    'tells again after stellar-core was restarted in place, what is not connected then',
    withSidecar({ peers: [A, B] }, async (sidecar) => {
      sidecar.takes(A);
      sidecar.takes(B);
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, [A, B]);
      sidecar.info('2026-11-30T01:00:00Z');
      sidecar.connected([], [A]);
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, [B]);
    }),
  );

  underEachShell(
    'bears 20 changes, and tells of each peer of the last list once',
    withSidecar({}, async (sidecar) => {
      const lists = Array.from({ length: 20 }, (_, index) => [`10.0.1.${index}:1`, A]);
      await sidecar.look();
      for (const list of lists) {
        sidecar.publish(list);
        await sidecar.look();
      }
      assert.deepEqual(sidecar.asked, []);
      sidecar.takes(A);
      sidecar.takes('10.0.1.19:1');
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, ['10.0.1.19:1', A]);
    }),
  );

  underEachShell(
    'takes nothing for a peer but host:port, so no other command is ever sent',
    withSidecar({}, async (sidecar) => {
      const odd = [
        'stop',
        'a:0',
        'a:1&x',
        'a b:1',
        '$x:1',
        '`stop`:1',
        'a..b:1',
        '-a:1',
        `${'a'.repeat(300)}:1`,
        '*:1',
      ];
      sidecar.publish([...odd, 'a%26b:1', A]);
      sidecar.takes(A);
      await sidecar.look(LONG);
      assert.deepEqual(sidecar.told, [A]);
    }),
  );

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    underEachShell(`ends on ${signal}, asleep and while stellar-core is silent`, async (shell) => {
      const asleep = new Sidecar(shell);
      await asleep.until('look');
      assert.equal(await asleep.stop(signal), 0);
      const asking = new Sidecar(shell, { peers: [A] });
      asking.silent();
      await asking.step();
      await asking.until('silent');
      assert.equal(await asking.stop(signal), 0);
    });
});

describe('its text', () => {
  underEachShell('holds nothing that Kubernetes expands, and no here-document', () => {
    assert.doesNotMatch(RELOAD_SCRIPT, /\$\(|\$\$|<</);
  });
});
