/** Reads the bodies of answers: an answer, even one in place of the API server's, fills no memory. */

/** A body that was given up since it is too long. */
export class TooManyBytes extends Error {
  override readonly name = 'TooManyBytes';
}

/** The text of a body. Rejects, with TooManyBytes, and closes its connection, where it has more bytes than that, or ends early. */
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
