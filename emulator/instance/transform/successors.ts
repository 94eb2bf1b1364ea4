/** What waits for an import set to be done, by the set's sys_id. */
export class Successors {
  readonly #starts = new Map<string, (() => void)[]>();

  /** Has `start` called once the set is done. */
  follow(setId: string, start: () => void): void {
    this.#starts.set(setId, [...(this.#starts.get(setId) ?? []), start]);
  }

  /** Starts, in order, what waited for the set. */
  release(setId: string): void {
    const starts = this.#starts.get(setId) ?? [];
    this.#starts.delete(setId);
    for (const start of starts) start();
  }

  clear(): void {
    this.#starts.clear();
  }
}
