import type { SchemaDocument } from '../schema/schema-file.ts';
import type { Store } from '../store/store.ts';
import type { Switches } from '../switches.ts';
import { redatePlatform, seedPlatform } from './seed.ts';

/** How a store in memory begins. */
export type FreshStore = {
  /** What it is a copy of, which is made ten times as fast as tables and rows. */
  readonly image: Uint8Array | undefined;
  /** Gives it what no instance is without. */
  readonly seedBase: (store: Store) => void;
};

/** Those of the last instances: most tests start one after another of the same kind. */
const images = new Map<string, Uint8Array>();

const keptImages = 4;

/** @param additions to the demo schema; with these switches they decide what the platform's rows are */
export function freshStore(additions: readonly SchemaDocument[], switches: Switches): FreshStore {
  const { caseSensitiveText, supplementaryCharactersKept, truncateLongText } = switches;
  const kind = JSON.stringify([additions, caseSensitiveText, supplementaryCharactersKept, truncateLongText]);
  const image = images.get(kind);
  if (image) return { image, seedBase: redatePlatform };
  return {
    image,
    seedBase(store) {
      seedPlatform(store);
      const made = store.image();
      if (made) images.set(kind, made);
      const [oldest = ''] = images.keys();
      if (images.size > keptImages) images.delete(oldest);
    },
  };
}
