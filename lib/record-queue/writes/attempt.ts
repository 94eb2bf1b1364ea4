import type { Effect } from '../../aws/effect-ledger.ts';
import type { AskedAt } from '../../aws/note-marks.ts';
import type { RecordMark } from '../../aws/record-marks.ts';
import type { Clock } from '../../core/clock.ts';
import { ConnectorError, mayHaveTakenEffect } from '../../core/errors.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../../servicenow/call.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import { copyWaitMs, type Done, InDoubtError } from '../disposition.ts';
import type { RecordCommand } from '../message.ts';
import { digestOfCommand, isOtherWork } from './work-digest.ts';
import type { WriteContext } from './write-context.ts';

/** The key was used before for other work. */
export class KeyReusedError extends ConnectorError {
  override readonly name: string = 'KeyReusedError';
  override readonly code = 'KEY_REUSED';

  constructor() {
    super('key: was used before for another write to this table; use one key for each piece of work');
  }
}

/**
 * The work on one message whose effect is remembered by its key: an update, an upsert, a delete, or a create that the primary
 * key of the instance does not protect.
 */
export class Attempt {
  readonly context: WriteContext;
  readonly command: RecordCommand;
  /** What an earlier attempt left behind: a write that may have taken effect. */
  readonly before: Effect | undefined;
  readonly #digest: string;
  /** The record is in doubt because of an earlier attempt of this work. */
  #isInDoubt = false;
  /** What this attempt has announced last. */
  #intent: Effect | undefined;
  /** Earlier attempts are known not to have taken effect since then; undefined: they may have. */
  #startedOverAtMs: number | undefined;

  private constructor(
    command: RecordCommand,
    context: WriteContext,
    before: Effect | undefined,
    digest: string,
  ) {
    this.command = command;
    this.context = context;
    this.before = before;
    this.#digest = digest;
  }

  /**
   * Does work unless it was done before under the same key.
   * @throws InDoubtError while an earlier attempt may still be running; KeyReusedError; what the work throws
   */
  static async run(
    command: RecordCommand,
    context: WriteContext,
    work: (attempt: Attempt) => Promise<Done>,
  ): Promise<Done> {
    const { table } = command.command;
    const digest = digestOfCommand(command);
    const before = await context.ledger.effectOf(table, command.key);
    if (before && isOtherWork(before, command)) throw new KeyReusedError();
    if (before?.state === 'applied') return 'duplicate';
    if (before) waitUntil(before.untilMs, context.clock);
    return work(new Attempt(command, context, before, digest));
  }

  get table(): string {
    return this.command.command.table;
  }

  get #isUpsert(): boolean {
    return this.command.command.action === 'upsert';
  }

  /** When this work was first about to be sent, in milliseconds since the Unix epoch. */
  get firstSentAtMs(): number {
    return (
      this.#startedOverAtMs ?? this.before?.sentAtMs ?? this.#intent?.sentAtMs ?? this.context.clock.now()
    );
  }

  /** Notes that no earlier attempt has taken effect: what is sent from now on is the first. */
  startOver(): void {
    this.#startedOverAtMs = this.context.clock.now();
  }

  /** When its message was first sent. */
  get asked(): AskedAt {
    const { sentAtMs, sequence } = this.command.message;
    return { askedAtMs: sentAtMs, sequence };
  }

  /** Until then an announced write may be running, even if this process dies now. */
  get untilMs(): number {
    return this.context.callContext.deadline.atMs + this.context.inDoubtMs;
  }

  /**
   * Looks once more whether another copy of this work has been under way, after what was seen cannot be explained otherwise.
   * @throws InDoubtError when one has; it is known by the time the message comes back
   */
  async checkCopies(): Promise<void> {
    const now = await this.context.ledger.effectNow(this.table, this.command.key);
    if (now) throw new InDoubtError(copyWaitMs);
  }

  /** True when this attempt has announced what it sends. */
  get isAnnounced(): boolean {
    return this.#intent !== undefined;
  }

  /** @throws InDoubtError while the instance may be working on another write of this record */
  async checkRecord(sysId: string): Promise<RecordMark> {
    const { records } = this.context.ledger;
    const mark = await (this.context.isLate(this.command) ? records.now(sysId) : records.of(sysId));
    this.#isInDoubt = mark.inDoubtUntilMs > 0 && mark.inDoubtKey === this.name;
    if (mark.inDoubtUntilMs > 0)
      waitUntil(
        mark.inDoubtUntilMs +
          (mark.inDoubtKey === '' || this.#isInDoubt ? 0 : headStart * this.context.inDoubtMs),
        this.context.clock,
      );
    return mark;
  }

  /**
   * Remembers what is about to be sent, so that it is known after a crash that it may have been. SQS may hand one message out
   * twice at the same time: only one copy goes on.
   * @param untilMs when it can no longer be running
   * @throws InDoubtError when another copy of the message was faster
   */
  async announce(write: Effect['write'], sysId: string, untilMs = this.untilMs): Promise<void> {
    const intent: Effect = {
      state: 'possibly-sent',
      digest: this.#digest,
      write,
      isUpsert: this.#isUpsert,
      sysId,
      sentAtMs: this.firstSentAtMs,
      untilMs,
    };
    const { ledger } = this.context;
    const isOurs = await ledger.claim(this.table, this.command.key, intent, this.#intent ?? this.before);
    if (!isOurs) throw new InDoubtError(copyWaitMs);
    this.#intent = intent;
  }

  /**
   * Sends a write that would harm if it were carried out twice or late.
   * @param sysId the record that it changes, where that is known
   * @param isDone asks the instance after a lost answer; when it says yes, the write took effect and is over
   * @param undo forgets what was remembered for this write, before another copy of the work may begin
   * @returns the answer, without a body where the user may not read what an update made; undefined when it was lost and the
   * instance holds the effect
   * @throws InDoubtError when the answer was lost; what it was refused with. Of a create that was refused although its record may
   * exist (ServiceNowError.recordMayExist) the announcement stays: the caller completes or withdraws it once it knows.
   */
  async send(
    request: ServiceNowRequest,
    sysId: string | undefined,
    isDone: () => Promise<boolean>,
    undo: () => Promise<void> = async () => undefined,
  ): Promise<ServiceNowResponse | undefined> {
    try {
      return await this.context.send({ request });
    } catch (error) {
      if (isUnreadable(request, error)) return { status: 200, headers: {}, body: undefined, attempts: 1 };
      if (!mayHaveTakenEffect(error)) {
        if (isMaybeMade(request, error)) throw error;
        await undo();
        await this.withdraw();
        throw error;
      }
      if (await isDone().catch(() => false)) return undefined;
      throw await this.#doubt(sysId, error);
    }
  }

  /** Forgets what was announced: it was refused, or not sent. An older attempt may have been, and stays remembered. */
  async withdraw(): Promise<void> {
    const intent = this.#intent;
    if (intent === undefined) return;
    this.#intent = undefined;
    await this.context.ledger.forget(this.table, this.command.key, intent, this.before);
  }

  /** Remembers that the work is done; from now on its key has no effect. */
  async complete(write: Effect['write'], sysId: string): Promise<void> {
    const { clock, ledger } = this.context;
    const sentAtMs = this.firstSentAtMs;
    const effect: Effect = {
      state: 'applied',
      digest: this.#digest,
      write,
      isUpsert: this.#isUpsert,
      sysId,
      sentAtMs,
      untilMs: clock.now(),
    };
    const isOver = this.#isInDoubt && sysId !== '';
    await Promise.all([
      ledger.remember(this.table, this.command.key, effect),
      isOver ? ledger.records.endDoubt(sysId, this.name) : undefined,
    ]);
  }

  /** Keeps everything else from a record whose answer was lost, though it looks as if the write had taken effect. */
  async keepOthersAway(sysId: string): Promise<void> {
    const { clock, ledger, inDoubtMs } = this.context;
    await ledger.records.markInDoubt(sysId, clock.now() + inDoubtMs, '');
  }

  /** Identifies the key of this work. */
  get name(): string {
    return this.context.ledger.nameOf(this.table, this.command.key);
  }

  async #doubt(sysId: string | undefined, cause: unknown): Promise<InDoubtError> {
    const { clock, ledger, inDoubtMs } = this.context;
    const untilMs = clock.now() + inDoubtMs;
    const sentAtMs = this.firstSentAtMs;
    const sent: Effect = this.#intent ?? {
      ...{ state: 'possibly-sent', digest: this.#digest, sentAtMs, untilMs },
      ...{ write: this.command.command.action === 'delete' ? 'delete' : 'update', sysId: sysId ?? '' },
      isUpsert: this.#isUpsert,
    };
    // What cannot be remembered now is still known by what was announced.
    await Promise.allSettled([
      sysId === undefined ? undefined : ledger.records.markInDoubt(sysId, untilMs, this.name),
      ledger.remember(this.table, this.command.key, { ...sent, untilMs }),
    ]);
    return new InDoubtError(inDoubtMs, cause);
  }
}

/** Forgetting it before that is known would make another's record of it, were the process to die in between. */
function isMaybeMade({ method }: ServiceNowRequest, error: unknown): boolean {
  return method === 'POST' && error instanceof ServiceNowError && error.recordMayExist;
}

/** The update took effect; the record is out of the user's sight since. */
function isUnreadable({ method }: ServiceNowRequest, error: unknown): boolean {
  return method === 'PATCH' && error instanceof ServiceNowError && error.isReadBackDenial;
}

/**
 * The message whose answer was lost may look for its effect before others write to the record: for half as long as the instance
 * may have worked on it.
 */
const headStart = 0.5;

/** @throws InDoubtError before that time */
export function waitUntil(untilMs: number, clock: Clock): void {
  const waitMs = untilMs - clock.now();
  if (waitMs > 0) throw new InDoubtError(waitMs);
}
