/** Random draws, all from one seed. */
export type Dice = {
  random(): number;
  /** True in so many of a hundred cases. */
  chance(percent: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** 32 hex digits. */
  sysId(): string;
};

export function diceOf(random: () => number): Dice {
  return {
    random,
    chance: (percent) => random() * 100 < percent,
    pick: (items) => items[Math.floor(random() * items.length)] ?? items[0],
    sysId: () => Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join(''),
  };
}
