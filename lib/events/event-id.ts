import { digestOf } from '../aws/digest.ts';

/** The id of an event holds so many characters. */
const longestId = 256;

/** An id that fits: itself, or a digest of it. Part of an id would be that of other events too. */
export function shortenId(id: string, longest = longestId): string {
  return id.length > longest ? digestOf(id) : id;
}
