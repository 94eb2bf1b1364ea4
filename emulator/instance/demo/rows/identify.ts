import { sysIdOf } from '../../sys-ids.ts';

/** Demo rows that have the same sys_id on every instance with demo data. */
const wellKnown: ReadonlyMap<string, string> = new Map([
  ['cmn_department Finance', 'a581ab703710200044e0bfc8bcbe5de8'],
  ['sys_user natasha.ingram', '46c5bf6ca9fe1981010713e3ac7d3384'],
  ['sys_user problem.admin', '26fbff173b331300ad3cc9bb34efc4bd'],
  ['sys_user abraham.lincoln', 'a8f98bb0eb32010045e1a5115206fe3a'],
  ['sys_user abel.tuter', '62826bf03710200044e0bfc8bcbe5df1'],
  ['sys_user_group Service Desk', 'd625dccec0a8016700a222a0f7900d06'],
  ['sys_user_group Network', '287ebd7da9fe198100f92cc8d1d2154e'],
  ['sys_user_group Hardware', '8a5055c9c61122780043563ef53438e3'],
  ['sys_user_group Database', '287ee6fea9fe198100ada7950d0b1b73'],
  ['sys_user_group Software', '8a4dde73c6112278017a6a4baf547aa7'],
]);

/** The sys_id of a demo row: of its table and the name it is known by. Empty stays empty. */
export const idOf = (table: string, name: string) =>
  name === '' ? '' : (wellKnown.get(`${table} ${name}`) ?? sysIdOf(table, name));

/** `INC` and 7 becomes `INC0000007`: shipped rows are numbered below those that are created later. */
export const shippedNumber = (prefix: string, index: number) => prefix + String(index).padStart(7, '0');
