/**
 * One simulated process: everything that reaches it (timers, answers, watch events) is delivered here, so that it
 * can be frozen, thawed and killed at any moment between two of its steps.
 */

export class Process {
  readonly name: string;
  /** How far its wall clock is ahead of the world's. */
  skewMs = 0;
  #state: 'running' | 'frozen' | 'dead' = 'running';
  #waiting: Array<() => void> = [];

  constructor(name: string) {
    this.name = name;
  }

  get state(): 'running' | 'frozen' | 'dead' {
    return this.#state;
  }

  /** Runs `fn` now, after the thaw, or never. */
  deliver(fn: () => void): void {
    if (this.#state === 'running') fn();
    else if (this.#state === 'frozen') this.#waiting.push(fn);
  }

  /** Like SIGSTOP: nothing is lost, everything waits. */
  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen';
  }

  /** Like SIGCONT: what waited is delivered in order. */
  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const fn of waiting) this.deliver(fn);
  }

  /** Like SIGKILL: what it has sent already is carried out all the same. */
  kill(): void {
    this.#state = 'dead';
    this.#waiting = [];
  }
}
