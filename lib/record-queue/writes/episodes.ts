import * as z from 'zod/mini';
import { ConfigurationError } from '../../core/errors.ts';
import { UnreadableAnswerError } from '../../operations/find-record.ts';
import { deriveEpisodeSysId } from '../../operations/identity.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../../servicenow/call.ts';
import { encodedQuery, parseInstanceTime } from '../../servicenow/encoded-query.ts';
import { AccessDeniedError, RecordNotFoundError } from '../../servicenow/errors.ts';
import { getRequest, listRequest } from '../../servicenow/records.ts';
import { type Episode, phaseOf } from '../life-cycle/decide.ts';
import { correlationIdOfKey, parseMark } from '../life-cycle/mark.ts';
import { hasCorrelationId } from './lookup.ts';
import type { WriteContext } from './write-context.ts';

type Asking = Pick<WriteContext, 'send' | 'naming' | 'shownColumns'>;

/** What is read of a record, with every answer. A table without one of these columns answers without it. */
export const episodeFields = [
  ...['sys_id', 'number', 'state', 'active', 'assigned_to', 'correlation_id', 'correlation_display'],
  ...['resolved_at', 'closed_at', 'sys_updated_on'],
];

const row = z.object({
  sys_id: z.string(),
  number: z._default(z.string(), ''),
  state: z._default(z.string(), ''),
  active: z._default(z.string(), ''),
  assigned_to: z._default(z.string(), ''),
  correlation_id: z.optional(z.string()),
  correlation_display: z._default(z.string(), ''),
  resolved_at: z._default(z.string(), ''),
  closed_at: z._default(z.string(), ''),
  sys_updated_on: z._default(z.string(), ''),
});
type Row = z.output<typeof row>;
const oneRow = z.object({ result: row });
const manyRows = z.object({ result: z.array(row) });

/** The thing that signals are about. */
export type Thing = { readonly table: string; readonly source: string; readonly key: string };

/** So many sys_ids are asked for first, together; and so many newest records with the key. */
const firstWindow = 2;
const newestListed = 5;

/**
 * Finds the last record of a thing. Each sys_id is derived from the key, so that no answer can be a stranger's; the list of
 * records with the key's correlation_id only shortens the search, and counts where its rows have a derived sys_id.
 */
export class Episodes {
  readonly #thing: Thing;
  readonly #context: Asking;
  /** The table refuses or ignores a given sys_id: records are known by their correlation_id. */
  readonly #byCorrelationId: boolean;
  #hidden = 0;

  constructor(thing: Thing, context: Asking, byCorrelationId: boolean) {
    this.#thing = thing;
    this.#context = context;
    this.#byCorrelationId = byCorrelationId;
  }

  /**
   * How many records with the key's correlation_id the last list did not show: the user may not read them. They may be the
   * thing's own, or another writer's. 0 where the instance does not count.
   */
  get hidden(): number {
    return this.#hidden;
  }

  sysIdOf(episode: number): string {
    const { table, ...thing } = this.#thing;
    return deriveEpisodeSysId(this.#context.naming.deployment, table, thing, episode);
  }

  /** @throws what the instance answers when it cannot be asked */
  async findLast(isReconciling = false): Promise<Episode | undefined> {
    const listing = this.#list(isReconciling);
    // A person may have copied the record in its form, with all columns but the sys_id: the oldest of an episode is ours.
    if (this.#byCorrelationId) return last((await listing).toReversed());
    // A list may show a record as it was some moments ago: what was read by its sys_id comes first.
    const [listed, ...read] = await Promise.all([listing, ...this.#window(1, firstWindow, isReconciling)]);
    let known = [...read.flat(), ...listed];
    // The last one is certain once it was read and those after it are not there.
    for (let width = 2, asked = firstWindow; ; width *= 2) {
      const current = last(known);
      if (current === undefined || current.episode < asked) return current;
      const from = current.episode > asked ? current.episode : asked + 1;
      known = [...(await Promise.all(this.#window(from, width, isReconciling))).flat(), ...known];
      asked = from + width - 1;
    }
  }

  /** One record as an answer to a write shows it; undefined when the user may not read it. */
  read(body: unknown, episode: number): Episode | undefined {
    const parsed = z.safeParse(oneRow, body);
    return parsed.success ? this.#toEpisode(parsed.data.result, episode) : undefined;
  }

  #window(from: number, width: number, isReconciling: boolean): Promise<readonly Episode[]>[] {
    return Array.from({ length: width }, (_, index) => this.#get(from + index, isReconciling));
  }

  async #get(episode: number, isReconciling: boolean): Promise<readonly Episode[]> {
    const { table } = this.#thing;
    const sysId = this.sysIdOf(episode);
    const request = getRequest({ table, sysId, fields: episodeFields, excludeReferenceLink: true });
    const answer = await this.#answerTo(request, isReconciling);
    if (answer === undefined) return [];
    const parsed = z.safeParse(oneRow, answer.body);
    if (!parsed.success || parsed.data.result.sys_id.toLowerCase() !== sysId)
      throw new UnreadableAnswerError('key: the instance answered without its record');
    return [this.#toEpisode(parsed.data.result, episode)];
  }

  async #list(isReconciling: boolean): Promise<readonly Episode[]> {
    const { table, source, key } = this.#thing;
    const correlationId = correlationIdOfKey(key);
    const query = encodedQuery()
      .where('correlation_id', '=', correlationId)
      .orderBy('sys_created_on', 'descending');
    const limit = this.#byCorrelationId ? 100 : newestListed;
    const options = { fields: episodeFields, limit, excludeReferenceLink: true };
    const answer = await this.#answerTo(listRequest({ table, query, ...options }), isReconciling);
    this.#hidden = 0;
    const parsed = z.safeParse(manyRows, answer?.body ?? { result: [] });
    if (!parsed.success) {
      if (!this.#byCorrelationId) return [];
      throw new UnreadableAnswerError('key: the instance answered without records');
    }
    const rows = parsed.data.result;
    const total = Number(answer?.headers['x-total-count'] ?? 0);
    // An instance drops a condition on a column that it does not know, and so finds any record, or none (docs/servicenow-contract.md 2.3).
    const isFindable =
      !this.#byCorrelationId ||
      (rows.length === 0 && total === 0
        ? await hasCorrelationId(table, this.#context, isReconciling)
        : rows.every(({ correlation_id }) => correlation_id !== undefined));
    if (!isFindable)
      throw new ConfigurationError(
        'correlationIdTables',
        `${table} has no column correlation_id that the user may read, so that its records cannot be found`,
      );
    // The total is blind to access controls (docs/servicenow-contract.md 1.4).
    if (rows.length < limit) this.#hidden = Math.max(0, total - rows.length);
    return rows.flatMap((one) => {
      const mark = parseMark(one.correlation_display);
      if (one.correlation_id !== correlationId || mark?.source !== source) return [];
      const isOurs = this.#byCorrelationId || this.sysIdOf(mark.episode) === one.sys_id.toLowerCase();
      return isOurs ? [this.#toEpisode(one, mark.episode)] : [];
    });
  }

  /**
   * Undefined for a record that is not there, or that the user may not see. A refused list passes for an empty one only where
   * records are found by their sys_ids: without those, each signal would make one more.
   */
  async #answerTo(
    request: ServiceNowRequest,
    isReconciling: boolean,
  ): Promise<ServiceNowResponse | undefined> {
    try {
      return await this.#context.send({ request, isReconciling });
    } catch (error) {
      if (error instanceof RecordNotFoundError) return undefined;
      if (error instanceof AccessDeniedError && !this.#byCorrelationId) return undefined;
      throw error;
    }
  }

  #toEpisode(found: Row, episode: number): Episode {
    const phase = phaseOf(this.#thing.table, found);
    const ended = phase === 'closed' ? found.closed_at || found.resolved_at : found.resolved_at;
    const mark = parseMark(found.correlation_display);
    // Where no column says when it was ended, any later change of a record that a signal resolved would look like an end.
    const changed = mark?.last === 'resolved' ? '' : found.sys_updated_on;
    return {
      ...{ episode, sysId: found.sys_id, number: found.number, phase },
      endedAtMs: phase === 'open' ? undefined : parseInstanceTime(ended || changed),
      isAssigned: found.assigned_to !== '',
      mark: mark?.source === this.#thing.source && mark.episode === episode ? mark : undefined,
    };
  }
}

/** Of two looks at one record the first counts. */
function last(episodes: readonly Episode[]): Episode | undefined {
  return episodes.reduce<Episode | undefined>(
    (latest, one) => (latest === undefined || one.episode > latest.episode ? one : latest),
    undefined,
  );
}
