/** Writes Events on StellarNodes. Nothing waits for an Event, and a limit protects the API server. */
import { digestOf } from '../../peers/hash.ts';
import { COMPONENT, STELLAR_API_VERSION } from '../../peers/names.ts';
import type { Key, World } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import { newUid } from '../../runtime/clock.ts';
import { isConflict, type Kube, type KubeObject } from '../../runtime/kube/port.ts';
import { Events } from '../../runtime/kube/resources.ts';
import type { Log } from '../../runtime/log.ts';

/** The most Events in a minute. A namespace may use at most as many of them as it leaves for the others. */
const EVENTS_PER_MINUTE = 300;
/** The most minor Events in a minute, which can be left out without loss. */
const MINOR_PER_MINUTE = 60;
const NOTE_LENGTH_MAX = 1024;

export interface EventsOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly instance: string;
}

/** The text of one Event. */
export interface EventText {
  readonly type: 'Normal' | 'Warning';
  readonly action: string;
  readonly reason: string;
  readonly note: string;
}

interface Manner {
  /** The same message gives the Event the same name, so that a new leader repeats none; undefined for a new one. */
  readonly same?: string;
  readonly minor?: boolean;
}

export class EventWriter {
  readonly #options: EventsOptions;
  #spent = 0;
  readonly #spentIn = new Map<string, number>();
  #minuteEndsAtMs = 0;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** Writes an Event on the StellarNode. False if the minute's share is used up. Never rejects. */
  tell(world: World, key: Key, story: EventText, { same, minor = false }: Manner = {}): boolean {
    const reading = world.nodes.get(key);
    const node = reading?.kind === 'validator' ? reading.validator : undefined;
    const target = node ?? (reading?.kind === 'unreadable' ? reading.node : undefined);
    if (!target || world.namespaces.get(target.namespace)?.terminating) return true;
    if (!this.#maySpend(target.namespace, minor)) return false;
    const { clock, instance } = this.#options;
    const id = same === undefined ? newUid() : digestOf(`${target.uid} ${same}`);
    const { namespace, name, uid } = target;
    const event = {
      apiVersion: Events.apiVersion,
      kind: Events.kind,
      eventTime: new Date(clock.nowMs()).toISOString().replace('Z', '000Z'),
      reportingController: COMPONENT,
      reportingInstance: instance,
      regarding: { apiVersion: STELLAR_API_VERSION, kind: 'StellarNode', namespace, name, uid },
      ...story,
      note: story.note.slice(0, NOTE_LENGTH_MAX),
    };
    this.#write({ ...event, metadata: { name: `${name}.${id}`.slice(-253), namespace } }, key);
    return true;
  }

  nextMinuteInMs(): number {
    return Math.max(0, this.#minuteEndsAtMs - this.#options.clock.monotonicMs());
  }

  #write(event: KubeObject, key: Key): void {
    const { kube, log } = this.#options;
    kube.create(Events, event).catch((error: unknown) => {
      // A conflict means that the Event exists already.
      if (!isConflict(error)) log.debug({ error, node: key }, 'an Event was not written');
    });
  }

  /** False if the namespace has used up its share of the minute. */
  hasRoomIn(namespace: string): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs >= this.#minuteEndsAtMs) {
      this.#minuteEndsAtMs = nowMs + 60_000;
      this.#spent = 0;
      this.#spentIn.clear();
    }
    return (this.#spentIn.get(namespace) ?? 0) < EVENTS_PER_MINUTE - this.#spent;
  }

  #maySpend(namespace: string, minor: boolean): boolean {
    if (!this.hasRoomIn(namespace) || (minor && this.#spent >= MINOR_PER_MINUTE)) return false;
    this.#spent += 1;
    this.#spentIn.set(namespace, (this.#spentIn.get(namespace) ?? 0) + 1);
    return true;
  }
}
