import { digestOf } from '../aws/digest.ts';

/** The id of an event holds so many characters. */
const longestId = 256;

/** An id that fits: itself, or a digest of it. Part of an id would be that of other events too. */
export function shortenId(id: string, longest = longestId): string {
  return id.length > longest ? digestOf(id) : id;
}

/** The id under which the reconciler reports what an event with this id reports: that one may have been held back. */
export function reconciledId(eventId: string): string {
  return shortenId(`reconciled ${eventId}`);
}
