/**
 * Collects the requests of one event-loop tick and carries them out together.
 * @param work gives one result per item, in the order given; when it throws, everyone who asked gets its error
 */
export function coalesce<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
): (item: Item) => Promise<Result> {
  type Waiting = {
    readonly item: Item;
    resolve(result: Result | Promise<never>): void;
  };
  let waiting: Waiting[] = [];
  const flush = async () => {
    const all = waiting;
    waiting = [];
    try {
      const results = await work(all.map(({ item }) => item));
      for (const [index, result] of results.entries()) all[index]?.resolve(result);
    } catch (error) {
      for (const { resolve } of all) resolve(Promise.reject(error));
    }
  };
  return (item) =>
    new Promise((resolve) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ item, resolve });
    });
}
