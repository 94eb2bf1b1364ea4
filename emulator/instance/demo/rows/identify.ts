import { sysIdOf } from '../../store/identifiers.ts';

/** The sys_id of a demo row: of its table and the name it is known by. Empty stays empty. */
export const idOf = (table: string, name: string) => (name === '' ? '' : sysIdOf(table, name));

/** `INC` and 7 becomes `INC0000007`: shipped rows are numbered below those that are created later. */
export const shippedNumber = (prefix: string, index: number) => prefix + String(index).padStart(7, '0');
