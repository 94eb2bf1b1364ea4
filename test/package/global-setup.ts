import { packageFunctions } from '../../deploy/package.ts';

/** Begins to package, before the first test asks for it. A failure is reported by the tests. */
export function setup(): () => Promise<unknown> {
  const ended = new AbortController();
  const packaging = packageFunctions({}, ended.signal).catch(() => undefined);
  return () => {
    ended.abort();
    return packaging;
  };
}
