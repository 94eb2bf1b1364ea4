import { BoundedMap } from '../bounded-map.ts';
import { drawSysId } from '../sys-ids.ts';

const maxSessions = 10_000;
const idleLifeMs = 1_800_000;

/** What the cookie JSESSIONID stands for. */
export type Session = {
  readonly id: string;
  readonly userName: string;
  usedMs: number;
  /** Ends when the last request that came with this session is done; the next one waits for it. */
  tail: Promise<void>;
};

/**
 * The sessions that answers open and cookies continue. Requests of one session run one after another, which is why a
 * client that shares its cookies among parallel calls gets slower (KB0657578).
 */
export class Sessions {
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #byId = new BoundedMap<string, Session>(maxSessions);

  constructor(now: () => number, random: () => number) {
    this.#now = now;
    this.#random = random;
  }

  /** Sessions that are kept, idle ones included. */
  get size(): number {
    return this.#byId.size;
  }

  open(userName: string): Session {
    const id = drawSysId(this.#random).toUpperCase();
    const session = { id, userName, usedMs: this.#now(), tail: Promise.resolve() };
    this.#byId.set(id, session);
    return session;
  }

  /** The live session that a `Cookie` header names. */
  find(cookie: string | undefined): Session | undefined {
    const id = cookie === undefined ? undefined : /(?:^|;\s*)JSESSIONID=([^;]+)/.exec(cookie)?.[1];
    const session = id === undefined ? undefined : this.#byId.get(id);
    if (!session || this.#now() - session.usedMs > idleLifeMs) return undefined;
    session.usedMs = this.#now();
    return session;
  }

  clear(): void {
    this.#byId.clear();
  }
}

/** Runs the requests of a session one after another, and records how long each waited. */
export async function oneAtATime<Result>(
  session: Session,
  waits: { sessionMs: number },
  work: () => Promise<Result>,
): Promise<Result> {
  const sinceMs = performance.now();
  const before = session.tail;
  const ended = Promise.withResolvers<void>();
  session.tail = ended.promise;
  await before;
  waits.sessionMs = performance.now() - sinceMs;
  try {
    return await work();
  } finally {
    ended.resolve();
  }
}
