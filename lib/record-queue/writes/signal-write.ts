import type { RecordMark } from '../../aws/record-marks.ts';
import { InvalidInputError } from '../../core/errors.ts';
import { UnreadableAnswerError } from '../../operations/find-record.ts';
import { RecordNotFoundError } from '../../servicenow/errors.ts';
import { updateRequest } from '../../servicenow/records.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import type { Done } from '../disposition.ts';
import { changesOf, type References } from '../life-cycle/compose.ts';
import { type Decision, decide, type Episode, phaseOf, type TimedSignal } from '../life-cycle/decide.ts';
import type { Attempt } from './attempt.ts';
import { type Episodes, episodeFields } from './episodes.ts';
import { findReferences } from './references.ts';
import { ResolveRefusedError } from './resolve-refused.ts';
import {
  type Found,
  hiddenError,
  isHidden,
  isLast,
  isOwn,
  rememberKey,
  SignalCreate,
} from './signal-create.ts';
import { columnOfSender } from './write-context.ts';

/** How often a decision is made again because the record changed meanwhile. */
const mostRounds = 4;
/** So long the reconciler's reports are ignored once the instance refused to resolve the record. */
const refusalMs = 86_400_000;

/** One signal on its way to the record of its key. */
export class SignalWrite {
  readonly #attempt: Attempt;
  readonly #episodes: Episodes;
  readonly #signal: TimedSignal;
  readonly #byCorrelationId: boolean;
  /** An answer that was already at hand: the record as the last write left it. */
  #current: Found | undefined;
  /** The instance refuses to open the current record again. */
  #isReopenRefused = false;
  /** The record that this signal was written to although a person had just ended it. */
  #endedUnderWrite: string | undefined;

  constructor(attempt: Attempt, episodes: Episodes, byCorrelationId: boolean) {
    this.#attempt = attempt;
    this.#episodes = episodes;
    this.#byCorrelationId = byCorrelationId;
    const { signal, message } = commandOf(attempt);
    // A time in the future would make every later state look old.
    this.#signal = {
      ...{ ...signal, atMs: Math.min(Date.parse(signal.at), message.sentAtMs) },
      untilMs: attempt.untilMs,
    };
  }

  async run(): Promise<Done> {
    try {
      return await this.#run();
    } catch (error) {
      if (error instanceof ResolveRefusedError) await this.#rememberRefusal(error.sysId);
      throw error;
    }
  }

  /** The reconciler asks again and again: one dead letter a day says enough. */
  async #rememberRefusal(sysId: string): Promise<void> {
    const { records } = this.#attempt.context.ledger;
    // Without it there is one more letter.
    await records.rememberRefusedResolve(sysId, this.#signal.confirmed ?? '').catch(() => undefined);
  }

  /** A letter that is moved back has its own confirmation, and is tried again. */
  #isRefusedAgain(known: RecordMark): boolean {
    const { signal, confirmed } = this.#signal;
    if (signal !== 'resolve' || confirmed === undefined || this.#attempt.before) return false;
    const isOver = known.resolveRefusedAtMs + refusalMs <= this.#attempt.context.clock.now();
    return !isOver && known.refusedConfirmation !== confirmed;
  }

  async #run(): Promise<Done> {
    const looking = this.#findReferences();
    looking.catch(() => undefined);
    for (let round = 0; round < mostRounds; round += 1) {
      const current = this.#current ? this.#current.episode : await this.#episodes.findLast();
      this.#current = undefined;
      // An earlier attempt may have been interrupted between its writes.
      const { before, context } = this.#attempt;
      if (round === 0 && before?.write === 'update')
        this.#checkEnd(current, before.untilMs - context.inDoubtMs);
      const decision = this.#decide(current);
      if (decision.kind === 'nothing') {
        if (current === undefined && (await isHidden(this.#attempt, this.#episodes, this.#byCorrelationId)))
          throw hiddenError();
        if (round === 0 && before?.write === 'update') this.#checkResolved(current);
        await this.#finish(current);
        return this.#endedUnderWrite === undefined ? decision.verdict : 'done';
      }
      const references = await looking;
      const outcome =
        decision.kind === 'create'
          ? await this.#create(decision, references)
          : await this.#write(decision, current, references);
      if (outcome !== 'again') return outcome;
    }
    throw new UnreadableAnswerError(
      'key: its record is changing at the same time; the signal is applied later',
    );
  }

  #decide(current: Episode | undefined): Decision {
    const isClosed = this.#isReopenRefused && current?.phase === 'resolved';
    const seen = isClosed ? { ...current, phase: 'closed' as const } : current;
    return decide(this.#signal, seen, this.#isContinued(current));
  }

  /** True for the record that was ended under our write, unless another signal was applied to it since. */
  #isContinued(current: Episode | undefined): boolean {
    if (current === undefined || current.sysId !== this.#endedUnderWrite) return false;
    return current.mark === undefined || isLast(this.#signal, current);
  }

  /**
   * Notices that our write, whose answer is not at hand, reached a record that a person had ended by then. Whether it did cannot
   * be seen: who ended it before the answer was due is taken to have been first, so that the state of the source counts.
   */
  #checkEnd(found: Episode | undefined, answerDueMs: number): void {
    if (!found || !this.#isEnded(found) || !isLast(this.#signal, found)) return;
    if (found.endedAtMs !== undefined && found.endedAtMs <= answerDueMs) this.#endedUnderWrite = found.sysId;
  }

  /** True when a person ended the record, and this signal says that it is to be open. */
  #isEnded({ phase, mark }: Episode): boolean {
    return this.#signal.signal === 'open' && phase !== 'open' && (mark?.last ?? 'broken') === 'broken';
  }

  /**
   * Notices that our write reached the record but did not resolve it. The write stays announced: the signal says so again when
   * it comes back, until the record is resolved.
   * @throws ResolveRefusedError
   */
  #checkResolved(found: Episode | undefined): void {
    const { signal, resolve = {} } = this.#signal;
    if (signal !== 'resolve' || found?.phase !== 'open') return;
    const isResolving = isLast(this.#signal, found) && found.mark?.last === 'resolved';
    const asked = { state: String(resolve['state']), active: 'true' };
    if (isResolving && phaseOf(this.#attempt.table, asked) !== 'open')
      throw new ResolveRefusedError(found.sysId);
  }

  /** Only what may be written is looked up. */
  async #findReferences(): Promise<References> {
    const { signal, lookups = {}, update = [] } = this.#signal;
    const isWanted = (column: string) =>
      signal === 'open' || (signal === 'update' && update.includes(column));
    const wanted = Object.entries(lookups).filter(([column]) => isWanted(column));
    return findReferences(Object.fromEntries(wanted), this.#attempt.context);
  }

  /** @returns `again` when another worker was faster */
  async #create(
    decision: Extract<Decision, { kind: 'create' }>,
    references: References,
  ): Promise<'done' | 'again'> {
    const create = new SignalCreate(this.#attempt, this.#episodes, this.#signal, this.#byCorrelationId);
    const found = await create.run(decision, references);
    if (found === 'done') return 'done';
    this.#current = found;
    return 'again';
  }

  /** An earlier attempt is over once the record was seen. */
  async #finish(current: Episode | undefined): Promise<void> {
    if (this.#attempt.before) await this.#attempt.complete('update', current?.sysId ?? '');
  }

  async #write(
    decision: Extract<Decision, { kind: 'write' }>,
    current: Episode | undefined,
    references: References,
  ): Promise<'done' | 'ignored' | 'again'> {
    if (current === undefined) throw new Error('a write was decided on without a record');
    const { table } = this.#attempt;
    const { sysId, episode } = current;
    const known = await this.#attempt.checkRecord(sysId);
    if (decision.what === 'resolve' && this.#isRefusedAgain(known)) return 'ignored';
    await Promise.all([
      this.#attempt.announce('update', sysId),
      rememberKey(this.#signal, sysId, this.#attempt.context),
    ]);
    // The note of work that goes on is in the record already.
    const signal = this.#isContinued(current) ? { ...this.#signal, note: undefined } : this.#signal;
    const sender = columnOfSender(this.#attempt.command, this.#attempt.context);
    const record = { ...changesOf(decision, signal, references), ...sender };
    let seen: Episode | undefined;
    const isDone = async () => {
      seen = await this.#episodes.findLast(true);
      return isOwn(this.#signal, seen);
    };
    try {
      const request = updateRequest({ table, sysId, record, fields: episodeFields });
      const answer = await this.#attempt.send(request, sysId, isDone);
      this.#endedUnderWrite = undefined;
      if (answer === undefined) this.#checkEnd(seen, this.#attempt.context.clock.now());
      else seen = this.#episodes.read(answer.body, episode);
      this.#checkResolved(seen);
      // A rule may take the write and set the old state again.
      if (decision.what === 'reopen' && answer && seen?.phase === 'resolved') this.#isReopenRefused = true;
      // A person may have ended the record between our look and our write: then the state of the source comes first.
      if (answer && seen && this.#isEnded(seen)) this.#endedUnderWrite = sysId;
      // Work that goes on is not done: its next write could not be announced, and a redelivery would end it.
      if (this.#isContinued(seen)) {
        this.#current = { episode: seen };
        return 'again';
      }
      await this.#attempt.complete('update', sysId);
      return 'done';
    } catch (error) {
      return this.#explainRefusal(error, decision, current);
    }
  }

  /** @returns `again` when the record changed since it was read, or cannot be opened again @throws the refusal */
  async #explainRefusal(
    error: unknown,
    { what }: Extract<Decision, { kind: 'write' }>,
    current: Episode,
  ): Promise<'again'> {
    if (!(error instanceof ServiceNowError) || !error.isRefusal) throw error;
    const now = await this.#episodes.findLast(true);
    this.#current = { episode: now };
    const isChanged = now?.sysId !== current.sysId || now.phase !== current.phase;
    if (error instanceof RecordNotFoundError && !isChanged)
      throw new InvalidInputError('key', 'its record is shown, but the user may not change it');
    if (isChanged) return 'again';
    if (what === 'reopen' && error.status === 403) {
      this.#isReopenRefused = true;
      return 'again';
    }
    if (what === 'resolve') throw new ResolveRefusedError(current.sysId, error);
    throw error;
  }
}

function commandOf(attempt: Attempt) {
  const { command, message } = attempt.command;
  if (command.action !== 'signal') throw new Error('not a signal');
  return { signal: command.signal, message };
}
