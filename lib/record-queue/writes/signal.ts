import { ConnectorError, InvalidInputError } from '../../core/errors.ts';
import { UnreadableAnswerError } from '../../operations/find-record.ts';
import { AccessDeniedError, DataPolicyError, RecordNotFoundError } from '../../servicenow/errors.ts';
import { updateRequest } from '../../servicenow/records.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import type { Done } from '../disposition.ts';
import { changesOf, type References } from '../life-cycle/compose.ts';
import {
  type Decision,
  decide,
  type Episode,
  type TimedSignal,
  tablesWithLife,
} from '../life-cycle/decide.ts';
import { Attempt } from './attempt.ts';
import { createRecord } from './create.ts';
import { Episodes, episodeFields } from './episodes.ts';
import { findReferences } from './references.ts';
import {
  type Found,
  hiddenError,
  isHidden,
  isLast,
  isOwn,
  rememberKey,
  SignalCreate,
} from './signal-create.ts';
import { isSysIdHonoured } from './sys-id-honouring.ts';
import type { CommandOf, WriteContext } from './write-context.ts';

type Command = CommandOf<'signal'>;
type Columns = Readonly<Record<string, unknown>>;

/**
 * Applies a signal to the record of its key: creates, updates, resolves or reopens it, or does nothing.
 * @throws InvalidInputError for a target without a life cycle; what the instance refuses; InDoubtError
 */
export async function applySignal(command: Command, context: WriteContext): Promise<Done> {
  const { signal, table } = command.command;
  if (signal.life === 'none') return createOnce(command, context, {}, signal.key);
  if (table.toLowerCase() === 'em_event') return sendEvent(command, context);
  if (!tablesWithLife.includes(table.toLowerCase()))
    throw new InvalidInputError(
      'target',
      `must be ${tablesWithLife.join(', ')} or em_event; any other table needs life: none`,
    );
  return Attempt.run(command, context, async (attempt) => {
    const byCorrelationId = !(await isSysIdHonoured(command, context));
    const thing = { table, source: signal.source, key: signal.key };
    return new SignalWrite(attempt, new Episodes(thing, context, byCorrelationId), byCorrelationId).run();
  });
}

/** A record without a life: the first signal of a key makes it, all others find it made. */
async function createOnce(
  command: Command,
  context: WriteContext,
  more: Columns,
  key: string,
): Promise<Done> {
  const { signal, table } = command.command;
  const { columns } = await findReferences(signal.lookups ?? {}, context);
  const record = { ...signal.fields, ...columns, ...more };
  const name = JSON.stringify(['signal', signal.source, key]);
  const create = { action: 'create', table, record } as const;
  const work = { ...command, command: create, key: name, hasExplicitKey: true, keyIsWork: true };
  return createRecord(work, context);
}

/** Event Management keeps its own life cycle: every signal becomes an event, and a recovery closes its alert. */
function sendEvent(command: Command, context: WriteContext): Promise<Done> {
  const { signal } = command.command;
  const { fields = {} } = signal;
  const isOver = signal.signal === 'resolve';
  const more = {
    source: fields['source'] ?? signal.source,
    message_key: fields['message_key'] ?? signal.key,
    time_of_event: fields['time_of_event'] ?? signal.at.slice(0, 19).replace('T', ' '),
    resolution_state: isOver ? 'Closing' : 'New',
    ...(isOver && { severity: '0' }),
  };
  return createOnce(command, context, more, JSON.stringify([signal.key, signal.eventId, signal.signal]));
}

/** How often a decision is made again because the record changed meanwhile. */
const mostRounds = 4;

/** One signal on its way to the record of its key. */
class SignalWrite {
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
    this.#signal = { ...signal, atMs: Math.min(Date.parse(signal.at), message.sentAtMs) };
  }

  async run(): Promise<Done> {
    const looking = this.#findReferences();
    looking.catch(() => undefined);
    for (let round = 0; round < mostRounds; round += 1) {
      const current = this.#current ? this.#current.episode : await this.#episodes.findLast();
      this.#current = undefined;
      // An earlier attempt may have been interrupted between its writes.
      if (round === 0 && this.#attempt.before?.write === 'update') this.#checkEnd(current);
      const decision = this.#decide(current);
      if (decision.kind === 'nothing') {
        if (current === undefined && (await isHidden(this.#attempt, this.#episodes, this.#byCorrelationId)))
          throw hiddenError();
        await this.#finish(current);
        return this.#endedUnderWrite === undefined ? decision.verdict : 'done';
      }
      const references = await looking;
      const outcome =
        decision.kind === 'create'
          ? await this.#create(decision, references)
          : await this.#write(decision, current, references);
      if (outcome === 'done') return 'done';
    }
    throw new UnreadableAnswerError('key: its record keeps changing; the signal is applied later');
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
   * Notices that our write, whose answer is not at hand, reached a record that a person had ended by then. Who ends it in the
   * same second is taken to have been first: the instance gives whole seconds.
   */
  #checkEnd(found: Episode | undefined): void {
    if (!found || !this.#isEnded(found) || !isLast(this.#signal, found)) return;
    if (found.endedAtMs !== undefined && found.endedAtMs <= this.#attempt.firstSentAtMs)
      this.#endedUnderWrite = found.sysId;
  }

  /** True when a person ended the record, and this signal says that it is to be open. */
  #isEnded({ phase, mark }: Episode): boolean {
    return this.#signal.signal === 'open' && phase !== 'open' && (mark?.last ?? 'broken') === 'broken';
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
  ): Promise<'done' | 'again'> {
    if (current === undefined) throw new Error('a write was decided on without a record');
    const { table } = this.#attempt;
    const { sysId, episode } = current;
    await this.#attempt.checkRecord(sysId);
    await Promise.all([
      this.#attempt.announce('update', sysId),
      rememberKey(this.#signal, sysId, this.#attempt.context),
    ]);
    // The note of work that goes on is in the record already.
    const signal = this.#isContinued(current) ? { ...this.#signal, note: undefined } : this.#signal;
    const record = changesOf(decision, signal, references);
    let seen: Episode | undefined;
    const isDone = async () => {
      seen = await this.#episodes.findLast(true);
      return isOwn(this.#signal, seen);
    };
    try {
      const request = updateRequest({ table, sysId, record, fields: episodeFields });
      const answer = await this.#attempt.send(request, sysId, isDone);
      this.#endedUnderWrite = undefined;
      if (answer === undefined) this.#checkEnd(seen);
      else seen = this.#episodes.read(answer.body, episode);
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
    if (what === 'resolve') throw new ResolveRefusedError(error);
    throw error;
  }
}

function commandOf(attempt: Attempt) {
  const { command, message } = attempt.command;
  if (command.action !== 'signal') throw new Error('not a signal');
  return { signal: command.signal, message };
}

/** The instance does not let the record be resolved as the signal says. */
class ResolveRefusedError extends ConnectorError {
  override readonly name: string = 'ResolveRefusedError';
  override readonly code: string;

  constructor(cause: ServiceNowError) {
    const what =
      cause instanceof DataPolicyError
        ? 'a data policy refuses to resolve the record; add the columns that it names to "resolve"'
        : cause instanceof AccessDeniedError
          ? 'the user may not resolve the record'
          : 'the instance refuses to resolve the record';
    super(`resolve: ${what} (${cause.message})`, { cause });
    this.code = cause.code;
  }
}
