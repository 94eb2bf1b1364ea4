import type { Deadline } from '../core/deadline.ts';
import { DeadlineExceededError } from '../core/errors.ts';
import type { Step, StepOutcome, Steps } from '../operations/steps.ts';
import type { Carrier } from './carrier.ts';
import type { Done } from './done.ts';
import { failureKind, isOutage } from './failure-kind.ts';
import { packSteps } from './pack.ts';
import type { Turns } from './turns.ts';
import type { Write } from './write.ts';

/** What became of a write. */
export type Outcome =
  | { readonly done: Done }
  /** `tried` is false for a write that only stood behind the one that failed. */
  | { readonly error: unknown; readonly tried: boolean };

/** How the work goes out, and how long it may take. */
export type RoundsOptions = {
  readonly carrier: Carrier;
  readonly stepsOf: (write: Write) => Steps<Done>;
  /** No new work starts after this, and what is in flight is broken off. */
  readonly workUntil: Deadline;
  /** Until then the instance is asked what became of work whose answer was lost. */
  readonly settleUntil: Deadline;
  readonly correlationId: string;
  /** Knows which writes of different lanes have to wait for each other. */
  readonly turns: Turns;
};

/** A write whose next call is due, and those of its lane that wait behind it. */
type Running = {
  readonly write: Write;
  readonly steps: Steps<Done>;
  readonly step: Step;
  readonly behind: readonly Write[];
};

/** Less time than this is not worth starting a call in. */
const shortestCallMs = 250;

/**
 * Carries lanes of writes out. In each round the calls that are due in all lanes travel together; a lane goes on as soon as
 * the write at its head is through. After a failure that may pass, what came later in its lane is not started.
 * @returns an outcome for every write of every lane
 */
export async function runRounds(
  lanes: readonly (readonly Write[])[],
  options: RoundsOptions,
): Promise<ReadonlyMap<Write, Outcome>> {
  const run = new Run(options);
  let due: readonly Running[] = lanes.flatMap((lane) => run.start(lane));
  while (due.length > 0) due = await run.takeRound(due);
  return run.outcomes;
}

class Run {
  readonly outcomes = new Map<Write, Outcome>();
  readonly #options: RoundsOptions;
  /** Set once a call met an outage: the next would meet it too. */
  #outage: { readonly error: unknown } | undefined;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** Starts the first write of a lane; gives nothing when the lane is at its end. */
  start([write, ...behind]: readonly Write[]): readonly Running[] {
    if (write === undefined) return [];
    const steps = this.#options.stepsOf(write);
    return this.#advance({ write, steps, behind }, () => steps.next());
  }

  /** Takes the calls whose turn it is, and gives those that are due after them. */
  async takeRound(due: readonly Running[]): Promise<readonly Running[]> {
    const isOver = (write: Write) => this.outcomes.has(write);
    const now = due.filter(({ write }) => this.#options.turns.isDue(write, isOver));
    const taken = await Promise.all(packSteps(now).map((pack) => this.#takePack(pack)));
    const next = taken.flat().flatMap(({ running, outcome }) => {
      if (outcome.kind === 'failed' && isOutage(outcome.error)) this.#outage ??= { error: outcome.error };
      return this.#advance(running, () => running.steps.next(outcome));
    });
    return [...due.filter((running) => !now.includes(running)), ...next];
  }

  async #takePack(pack: readonly Running[]) {
    const outcomes = await this.#carry(pack.map(({ step }) => step));
    return pack.map((running, index) => ({ running, outcome: outcomes[index] ?? unanswered }));
  }

  async #carry(steps: readonly Step[]): Promise<readonly StepOutcome[]> {
    const { carrier, workUntil, settleUntil, correlationId } = this.#options;
    const deadline = steps.some(({ settles }) => settles) ? settleUntil : workUntil;
    const hindrance = this.#hindrance(deadline);
    if (hindrance) return steps.map(() => hindrance);
    return carrier.carry(steps, { deadline, correlationId });
  }

  #hindrance(deadline: Deadline): StepOutcome | undefined {
    if (this.#outage) return { kind: 'failed', error: this.#outage.error };
    if (!deadline.passed(shortestCallMs)) return undefined;
    return { kind: 'failed', error: new DeadlineExceededError('time ran out; this call was not made') };
  }

  #advance(lane: Omit<Running, 'step'>, next: () => IteratorResult<Step, Done>): readonly Running[] {
    try {
      const { done, value } = next();
      if (!done) {
        if (value.changes !== undefined) this.#options.turns.know(lane.write, value.changes);
        return [{ ...lane, step: value }];
      }
      this.outcomes.set(lane.write, { done: value });
      return this.start(lane.behind);
    } catch (error) {
      return this.#fail(lane, error);
    }
  }

  #fail({ write, behind }: Omit<Running, 'step'>, error: unknown): readonly Running[] {
    this.outcomes.set(write, { error, tried: true });
    if (failureKind(error) === 'permanent') return this.start(behind);
    for (const later of behind) this.outcomes.set(later, { error, tried: false });
    return [];
  }
}

const unanswered: StepOutcome = { kind: 'failed', error: new Error('a carrier gave no outcome for a call') };
