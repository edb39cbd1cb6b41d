/** What the headers of an answer ask for, checked: anything may stand between us and the API server. Pure. */
import type { IncomingHttpHeaders } from 'node:http';

/** The form in which RFC 9110 has all senders write a date. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** The Date, ms since the epoch; NaN where there is none. */
export const dateMsOf = ({ date = '' }: IncomingHttpHeaders): number => httpDateMs(date);

const httpDateMs = (text: string): number => (HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN);

/** After how many seconds to ask again; undefined where that is not said, or nonsense. */
export function retryAfterSecondsOf(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['retry-after'] ?? '';
  // A date is told by the clock of its sender.
  const seconds = /^\d+$/.test(text) ? Number(text) : (httpDateMs(text) - dateMsOf(headers)) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(seconds, 0);
}
