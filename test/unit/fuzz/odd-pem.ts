/**
 * Odd PEM: certificates and keys of wrong kinds, of others, cut, doubled, with single bits turned. Owns texts only.
 */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { FOREIGN, goodContent } from '../certs/managed-world.ts';
import { NOW_MS } from '../stand-ins/now.ts';
import { oddText } from './odd.ts';

/** A self-signed CA of no use, by an elliptic curve; it ends in 2126. */
const ELLIPTIC = `-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIUb2a5jeDzXc5upI8b391qMPYhSxgwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIZWxsaXB0aWMwIBcNMjYxMTI0MDQzMzUwWhgPMjEyNjEwMzEw
NDMzNTBaMBMxETAPBgNVBAMMCGVsbGlwdGljMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEYfmmL9ujFBcxxckB8b6f6agfMx0meWAOiF+ggbgTrz7mGKdjsr6FFdzD
rvDIjG4tac5l6dD0wVrt8RUkdvPBNaNTMFEwHQYDVR0OBBYEFO2UGtZvvuHbwiTN
zq0j81H3BAQQMB8GA1UdIwQYMBaAFO2UGtZvvuHbwiTNzq0j81H3BAQQMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgKYLVkTydr26HaFki93r0yi8C
XBvltXGBr0qU/fAGTFUCIQCN8lhzz6F5otC369UVHZW8ghdqzI/Z0Td8ZbvL++ju
cQ==
-----END CERTIFICATE-----
`;

const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = await goodContent(NOW_MS, ['other.svc']);

/** Whole texts that stand in the wrong place wherever they stand. */
const WRONG_KINDS: readonly string[] = [
  ELLIPTIC,
  ELLIPTIC.replaceAll('CERTIFICATE', 'CERTIFICATE REQUEST'),
  elliptic.privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
  elliptic.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  elliptic.privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
    .toString(),
  '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
  '-----BEGIN CERTIFICATE-----\n'.repeat(5_000),
];

const TEXTS = [...Object.values(FOREIGN), ...Object.values(other), ...WRONG_KINDS];

const BLOCK = /-----BEGIN ([A-Z ]+)-----\r?\n([^-]*)-----END/;

/** The text's first block with one byte of what it encodes changed. */
export function turned(pem: string, { at, mask }: { readonly at: number; readonly mask: number }): string {
  const [, label = '', base64 = ''] = BLOCK.exec(pem) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length === 0) return pem;
  const index = at % bytes.length;
  bytes[index] = (bytes[index] ?? 0) ^ mask;
  return `-----BEGIN ${label}-----\n${bytes.toString('base64')}\n-----END ${label}-----\n`;
}

/**
 * `caPem` with another algorithm named for its signature (RSASSA-PSS, without the parameters that it needs): OpenSSL
 * takes it for a CA, and nothing can be signed with it here.
 */
export function misnamed(caPem: string): string {
  const bytes = Buffer.from(new X509Certificate(caPem).raw);
  const sha256WithRsa = Buffer.from('06092a864886f70d01010b', 'hex');
  const at = bytes.indexOf(sha256WithRsa) + sha256WithRsa.length - 1;
  return turned(caPem, { at, mask: 0x0b ^ 0x0a });
}

const text = fc.oneof(fc.constantFrom(...TEXTS), oddText);

/** PEM that may be good, or good for something else, or none. */
export const oddPem: fc.Arbitrary<string> = fc.oneof(
  text,
  fc
    .tuple(
      fc.constantFrom(...TEXTS),
      fc.record({ at: fc.nat(2_000), mask: fc.integer({ min: 1, max: 255 }) }),
    )
    .map(([pem, bit]) => turned(pem, bit)),
  fc.tuple(text, text, text).map((parts) => parts.join('')),
  fc.tuple(text, fc.nat(2_000), fc.nat(2_000)).map(([pem, from, length]) => pem.slice(from, from + length)),
  fc.tuple(text, fc.integer({ min: 2, max: 40 })).map(([pem, times]) => pem.repeat(times)),
);
