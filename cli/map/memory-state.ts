import type { Condition, StateValue } from '../../lib/aws/state-expressions.ts';
import type { StateItem, StateKey, StateTable } from '../../lib/aws/state-table.ts';
import type { Clock } from '../../lib/core/clock.ts';

/** A state table that lives as long as the process, for runs that need no other. */
export function memoryStateTable(clock: Clock): StateTable {
  const items = new Map<string, StateItem>();
  const nameOf = ({ pk, sk }: StateKey) => JSON.stringify([pk, sk]);
  const find = (key: StateKey) => {
    const item = items.get(nameOf(key));
    return item && (item.expiresAt ?? Number.POSITIVE_INFINITY) * 1_000 > clock.now() ? item : undefined;
  };
  const holds = (key: StateKey, condition: Condition | undefined) =>
    condition === undefined || isTrue(condition, find(key));
  return {
    read: async (key) => find(key),
    readMany: async (keys) => keys.map(find),
    async writeMany(writes) {
      for (const write of writes)
        if ('put' in write) items.set(nameOf(write.put), write.put);
        else items.delete(nameOf(write.delete));
    },
    async put(item, condition) {
      if (!holds(item, condition)) return false;
      items.set(nameOf(item), item);
      return true;
    },
    async update(key, { set = {}, add = {}, remove = [] }, condition) {
      if (!holds(key, condition)) return undefined;
      const before: StateItem = find(key) ?? { pk: key.pk, sk: key.sk };
      const sums = Object.entries(add).map(([name, more]) => [name, Number(before[name] ?? 0) + more]);
      const kept = Object.entries(before).filter(([name]) => !remove.includes(name));
      const item = {
        ...Object.fromEntries(kept),
        ...set,
        ...Object.fromEntries(sums),
        pk: key.pk,
        sk: key.sk,
      };
      items.set(nameOf(key), item);
      return item;
    },
    async delete(key) {
      items.delete(nameOf(key));
    },
    async query(pk, { prefix = '', from = '', to = '\u{10ffff}', limit, descending = false } = {}) {
      const found = [...items.values()]
        .filter(
          (item) =>
            find(item) && item.pk === pk && item.sk.startsWith(prefix) && item.sk >= from && item.sk <= to,
        )
        .toSorted((a, b) => (a.sk < b.sk ? -1 : 1) * (descending ? -1 : 1));
      return found.slice(0, limit);
    },
  };
}

function isTrue(condition: Condition, item: StateItem | undefined): boolean {
  if ('is' in condition) return (item === undefined) === (condition.is === 'absent');
  if ('allOf' in condition) return condition.allOf.every((one) => isTrue(one, item));
  if ('anyOf' in condition) return condition.anyOf.some((one) => isTrue(one, item));
  const held = item?.[condition.attribute];
  if ('exists' in condition) return (held !== undefined) === condition.exists;
  if (held === undefined) return false;
  return compare(held, condition.operator, condition.value);
}

function compare(held: StateValue, operator: string, value: StateValue): boolean {
  if (operator === '=') return held === value;
  if (operator === '<>') return held !== value;
  const isLess = Number(held) < Number(value);
  const isEqual = held === value;
  if (operator === '<') return isLess;
  if (operator === '<=') return isLess || isEqual;
  return operator === '>' ? !isLess && !isEqual : !isLess;
}
