/** Names go into SQL only quoted; the schema holds them to letters, digits and underscores. */
export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
