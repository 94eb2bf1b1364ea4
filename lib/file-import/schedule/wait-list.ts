import type { StateItem, StateTable } from '../../aws/state-table.ts';
import { executionName, type ImportRequest, importRequestSchema } from './import-request.ts';
import { sortableSequencer } from './s3-events.ts';

/** An import in the wait-list; it stays there until the import has ended. */
export type Place = {
  /** Sort key: the table, then the order of the drops. */
  readonly sk: string;
  readonly request: ImportRequest;
};

/** The wait-list of one staging table. */
export type TableList = { readonly first: Place; readonly hasMore: boolean };

/** All wait-lists share one partition; the table is the first part of the sort key. */
const pk = 'import-wait-list';

/** The place of an import, whether it is in the wait-list or not. */
function placeOf(request: ImportRequest): string {
  return `${request.table}#${dropOrder(request)}`;
}

/** Sorts in the order of the drops: by time, and by the sequencer where one key was written twice in a millisecond. */
export function dropOrder(request: ImportRequest): string {
  return `${request.droppedAt}~${sortableSequencer(request.sequencer)}~${executionName(request)}`;
}

/**
 * The imports that wait or run, one list for each staging table, in the order of their drops. Every method throws
 * StateUnavailableError and ConfigurationError as the state table does.
 */
export class WaitList {
  readonly #table: StateTable;

  constructor(table: StateTable) {
    this.#table = table;
  }

  /** Adds an import; one that is in the list stays where it is. */
  async add(request: ImportRequest): Promise<void> {
    await this.#table.put({ pk, sk: placeOf(request), request: toValue(request) }, { is: 'absent' });
  }

  async remove(sk: string): Promise<void> {
    await this.#table.delete({ pk, sk });
  }

  async removeRequest(request: ImportRequest): Promise<void> {
    await this.remove(placeOf(request));
  }

  async read(sk: string): Promise<Place | undefined> {
    const item = await this.#table.read({ pk, sk });
    return item && toPlace(item);
  }

  /** The first import of a staging table. */
  async firstOf(table: string): Promise<Place | undefined> {
    const [first] = await this.#table.query(pk, { prefix: `${table}#`, limit: 1 });
    return first && toPlace(first);
  }

  /** The wait-lists that are not empty, by the name of the table. */
  async lists(): Promise<TableList[]> {
    const found: TableList[] = [];
    for (let from: string | undefined; ; ) {
      const [item, next] = await this.#table.query(pk, { ...(from === undefined ? {} : { from }), limit: 2 });
      if (!item) return found;
      const first = toPlace(item);
      const { table } = first.request;
      found.push({ first, hasMore: next?.sk.startsWith(`${table}#`) === true });
      // `$` follows `#`: the first key behind those of this table.
      from = `${table}$`;
    }
  }
}

function toPlace({ sk, request }: StateItem): Place {
  return { sk, request: importRequestSchema.parse(request) };
}

/** Without the fields that are undefined, which the table does not take. */
function toValue({ versionId, settings, ...request }: ImportRequest) {
  return {
    ...request,
    ...(versionId === undefined ? {} : { versionId }),
    ...(settings === undefined
      ? {}
      : {
          settings: {
            key: settings.key,
            ...(settings.versionId === undefined ? {} : { versionId: settings.versionId }),
          },
        }),
  };
}
