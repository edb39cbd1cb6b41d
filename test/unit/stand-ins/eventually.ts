/** Waits for something that happens over real connections. The deadline only ends a test that has failed. */
import { until } from '../../cluster/until.ts';

/** Resolves once `condition` holds; rejects after a minute. */
export const eventually = (what: string, condition: () => boolean | Promise<boolean>): Promise<boolean> =>
  until(what, condition, { deadlineMs: 60_000, everyMs: 1 });
