import type { IncomingHttpHeaders } from 'node:http';
import type { RivalRows } from '../../control/fault.ts';
import type { User } from '../../http/exchange.ts';
import type { InstanceState } from '../../state.ts';
import { platformStyle } from '../../time/dates.ts';
import { parseApiPath } from '../router.ts';

/** An insertMultiple that another client imitates. */
type Imitated = {
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly rows: RivalRows;
  readonly userName: string;
};

/**
 * Stores an import set of another client, with rows like those of the request, in the same staging table; the ledger
 * notes it as a job. Nothing happens for a request other than insertMultiple, or one whose body does not parse.
 */
export async function importByAnother(imitated: Imitated, state: InstanceState): Promise<void> {
  const { url, headers, userName } = imitated;
  const path = parseApiPath(url.pathname);
  const records = recordsIn(imitated.body);
  if (path?.segments[2] !== 'insertMultiple' || !records) return;
  const body = Buffer.from(JSON.stringify({ records: altered(records, imitated.rows) }));
  const exchange = {
    ...path,
    method: 'POST',
    url,
    headers,
    body,
    user: state.auth.directory.find(userName) ?? stranger(userName),
    transaction: { cut: () => undefined, wait: async () => undefined },
  };
  const entry = state.ledger.openJob(`Import by another client ${userName}`, state.clock.now());
  entry.user = userName;
  const answer = await state.ledger.during(entry, () => state.dispatch(exchange));
  entry.status = answer.status;
}

/** A user without a row of its own, who may do everything. */
const stranger = (userName: string): User => ({
  ...platformStyle,
  userName,
  sysId: '',
  name: userName,
  roles: new Set(['admin']),
});

function recordsIn(body: Buffer): object[] | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString());
    const records = typeof parsed === 'object' && parsed !== null && 'records' in parsed && parsed.records;
    return Array.isArray(records) ? records.filter((record) => typeof record === 'object') : undefined;
  } catch {
    // The request itself is refused for its body; there is nothing to imitate.
    return undefined;
  }
}

function altered(records: readonly object[], rows: RivalRows): object[] {
  switch (rows) {
    case 'same':
      return [...records];
    case 'fewer':
      return records.slice(0, -1);
    case 'alike':
      return records.map((record, at) =>
        at > 0 && at < records.length - 1 ? withOtherLastValue(record) : record,
      );
  }
}

/** Another digit at its end is the least that a value, number or text, can differ by. */
function withOtherLastValue(record: object): object {
  const [name, value] = Object.entries(record).at(-1) ?? [];
  return name === undefined ? record : { ...record, [name]: `${value ?? ''}1` };
}
