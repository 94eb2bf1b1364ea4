import { hash } from 'node:crypto';

/** 32 lower-case hex digits, the same for the same words: the sys_ids of demo rows. */
export const sysIdOf = (...words: readonly string[]) => hash('md5', words.join('\u0000'));

/** A new sys_id: 32 lower-case hex digits. */
export function drawSysId(random: () => number): string {
  let digits = '';
  for (let part = 0; part < 4; part++) {
    digits += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  }
  return digits;
}
