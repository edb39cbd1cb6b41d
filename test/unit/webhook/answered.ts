/** What the API server reads of an answer. */
import { answer } from '../../../webhook/review/answer.ts';

/** The answer as one text. */
export function answered(...about: Parameters<typeof answer>): string {
  const { head, tail } = answer(...about);
  return head + tail.toString('latin1');
}
