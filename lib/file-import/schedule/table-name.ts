/** ServiceNow table names: letters, digits and underscores, at most 80. */
export function isTableName(name: string): boolean {
  return /^[A-Za-z0-9_]{1,80}$/.test(name);
}
