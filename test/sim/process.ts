/**
 * One simulated process. All timers, answers and watch events are delivered through it, so that it can be frozen, thawed and
 * killed between any two of its steps.
 */

export class Process {
  readonly name: string;
  /** How far its wall clock is ahead of the true time, in ms. */
  skewMs = 0;
  #state: 'running' | 'frozen' | 'dead' = 'running';
  #waiting: Array<() => void> = [];

  constructor(name: string) {
    this.name = name;
  }

  get state(): 'running' | 'frozen' | 'dead' {
    return this.#state;
  }

  /** Runs `fn` now; if the process is frozen, after the thaw; if it is dead, never. */
  deliver(fn: () => void): void {
    if (this.#state === 'running') fn();
    else if (this.#state === 'frozen') this.#waiting.push(fn);
  }

  /** Freezes the process, like SIGSTOP. Nothing is lost. */
  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen';
  }

  /** Thaws the process, like SIGCONT. Everything that waited is delivered in order. */
  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const fn of waiting) this.deliver(fn);
  }

  /** Kills the process, like SIGKILL. Requests that it has sent are still carried out. */
  kill(): void {
    this.#state = 'dead';
    this.#waiting = [];
  }
}
