/** Reads the bodies of answers up to a limit, so that no answer can fill the memory. */

/** The body is longer than the limit, and was not read to its end. */
export class TooManyBytes extends Error {
  override readonly name = 'TooManyBytes';
}

/** Reads a body as text. If it is longer than `bytesMax`, closes the connection and rejects with TooManyBytes. */
export async function readBody(body: AsyncIterable<Buffer>, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new TooManyBytes(`the answer has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
