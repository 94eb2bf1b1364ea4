/**
 * What Node 20 lacks and the client and the command line use. The build puts these in the place of the built-in functions, so that
 * no global of the program that imports them changes. Their names must be those of nothing else: in a module that has the same
 * name, that one would be called. What is newer than ES2024 the type check refuses, by `lib` in tsconfig.json.
 */

type Resolvers<T> = {
  readonly promise: Promise<T>;
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly reject: (reason?: unknown) => void;
};

/** Promise.withResolvers (Node 22). */
export function node20PromiseWithResolvers<T>(): Resolvers<T> {
  let resolve: Resolvers<T>['resolve'] = () => {};
  let reject: Resolvers<T>['reject'] = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** URL.parse (Node 22). */
export function node20ParseUrl(url: string, base?: string): URL | null {
  return URL.canParse(url, base) ? new URL(url, base) : null;
}

/** Map.groupBy (Node 21). */
export function node20GroupBy<Key, Item>(
  items: Iterable<Item>,
  keyOf: (item: Item, index: number) => Key,
): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  let index = 0;
  for (const item of items) {
    const key = keyOf(item, index);
    index += 1;
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
