import * as z from 'zod';
import type { EventBus } from './bus.ts';
import { DEFAULT_BUS, validation } from './rules.ts';

const Entry = z.object({
  Source: z.string().optional(),
  DetailType: z.string().optional(),
  Detail: z.string().optional(),
  Resources: z.array(z.string()).default([]),
  /** Seconds since the epoch. */
  Time: z.number().optional(),
  EventBusName: z.string().default(DEFAULT_BUS),
});
type Entry = z.output<typeof Entry>;

const PutEvents = z.object({ Entries: z.array(Entry) });

/**
 * Regions differ (some take 1 MB by now); this is what an event may have in all of them.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size
 */
const MOST_BYTES = 256 * 1024;
const MOST_ENTRIES = 10;
const TIME_BYTES = 14;

type Result = { EventId: string } | { ErrorCode: string; ErrorMessage: string };

/**
 * Takes the entries in their order. One that is wrong fails by itself, unless all of them lack something.
 * @throws {AwsError} ValidationException for too many entries or bytes
 */
export function putEvents(input: unknown, bus: EventBus): object {
  const { Entries } = PutEvents.parse(input);
  refuseTooMany(Entries);
  const missing = Entries.map(missingOf);
  if (missing.every((one) => one !== undefined)) throw validation(missing[0] ?? '');
  const results = Entries.map((entry, index) => putEntry(entry, missing[index], bus));
  return { FailedEntryCount: results.filter((one) => 'ErrorCode' in one).length, Entries: results };
}

function refuseTooMany(entries: readonly Entry[]): void {
  if (entries.length === 0 || entries.length > MOST_ENTRIES) {
    const limit =
      entries.length === 0 ? 'greater than or equal to 1' : `less than or equal to ${MOST_ENTRIES}`;
    throw validation(
      `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length ${limit}`,
    );
  }
  if (entries.some((entry) => sizeOf(entry) > MOST_BYTES))
    throw validation('Total size of the entries in the request is over the limit.');
}

function sizeOf({ Time, Source = '', DetailType = '', Detail = '', Resources }: Entry): number {
  const texts = [Source, DetailType, Detail, ...Resources];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes + (Time === undefined ? 0 : TIME_BYTES);
}

function missingOf({ Source, DetailType, Detail }: Entry): string | undefined {
  const name = Object.entries({ Source, DetailType, Detail }).find(([, value]) => !value)?.[0];
  return name && `Parameter ${name} is not valid. Reason: ${name} is a required argument.`;
}

function putEntry(entry: Entry, missing: string | undefined, bus: EventBus): Result {
  if (missing !== undefined) return { ErrorCode: 'InvalidArgument', ErrorMessage: missing };
  const { Source = '', DetailType = '', Detail = '', Resources, Time, EventBusName } = entry;
  if (DetailType.length > 128)
    return {
      ErrorCode: 'InvalidArgument',
      ErrorMessage: 'Parameter DetailType is not valid. Reason: it has more than 128 characters.',
    };
  const detail = detailOf(Detail);
  if (detail === undefined) return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
  const name = EventBusName.replace(/^arn:[^:]*:events:[^:]*:\d*:event-bus\//, '');
  if (!bus.rules.hasBus(name))
    return { ErrorCode: 'InvalidArgument', ErrorMessage: `Event bus ${name} does not exist.` };
  const event = { source: Source, detailType: DetailType, detail, resources: Resources, bus: name };
  return { EventId: bus.put({ ...event, ...(Time !== undefined && { timeMs: Time * 1000 }) }) };
}

function detailOf(text: string): Record<string, unknown> | undefined {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
