/** What others can make a line of the log say, if their words are part of the line. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KubeError } from '../../../runtime/kube/port.ts';
import { createLog, withoutSecrets } from '../../../runtime/log.ts';
import { anyText } from '../any-text.ts';

/** The lines that are written at the most verbose level. */
function logged(write: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = [];
  write(createLog('debug', { write: (line) => lines.push(line) }));
  return lines;
}

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const SEED = `S${'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.repeat(2).slice(0, 55)}`;
const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzdGVsbGFyIn0.c2lnbmF0dXJlLW9mLWl0';

describe('a line of the log', () => {
  it('is one line of JSON, whatever its fields contain', () => {
    const odd = '\n{"level":60}\r\u2028\u0000\u001b[31m"\\';
    fc.assert(
      fc.property(fc.oneof(anyText(), fc.constant(odd)), (text) => {
        const lines = logged((log) => log.warn({ detail: text, error: new Error(text) }, 'a message'));
        const [line = '', ...more] = lines;
        assert.deepEqual(more, []);
        assert.equal(line.indexOf('\n'), line.length - 1);
        assert.ok(![...line.slice(0, -1)].some((char) => char < ' '), 'no control character stands as it is');
        assert.equal((JSON.parse(line) as { msg: string }).msg, 'a message');
      }),
    );
  });

  for (const [what, secret] of [
    ['a private key', privateKey],
    ['a private key that was cut short', privateKey.slice(0, 300)],
    ['a private key of a Secret', Buffer.from(privateKey).toString('base64')],
    ['the seed of an account', SEED],
    ['a token', TOKEN],
  ] as const) {
    it(`shows nothing of ${what}, in whatever field, error or cause it stands`, () => {
      const cause = new Error(`refused: ${secret}`);
      const error = new KubeError(`PUT /api/v1: 422 ${secret} is not valid`, { status: 422, cause });
      const [line = ''] = logged((log) =>
        log.error({ error, deep: { data: { 'tls.key': secret } } }, secret),
      );
      const material = secret.replace(/-----[A-Z ]+-----/g, '').match(/[\w+/]{40,}/g) ?? [];
      for (const each of material) assert.ok(!line.includes(each), each);
      assert.ok(!line.includes('PRIVATE KEY'));
      const read = JSON.parse(line) as { error: { message: string; status: number } };
      assert.equal(read.error.status, 422, 'the rest is there');
      assert.match(read.error.message, /^PUT \/api\/v1: 422 \[secret\]/);
    });
  }

  it('says the same as before where nothing is secret', () => {
    for (const text of [
      'stellar/validator-1 is not Ready',
      'GABC',
      '-----BEGIN CERTIFICATE-----',
      'eyJ.a.b',
    ]) {
      assert.equal(withoutSecrets(text), text);
    }
  });
});
