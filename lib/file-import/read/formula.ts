/** Text as spreadsheets write it to keep it text: `="007"`, in a CSV also `"=""007"""`. */
const wholeFormula = /^="((?:[^"]|"")*)"$/;

/** The text that a spreadsheet shows for a whole field of the form `="…"`; any other field as it is. */
export function withoutFormula(field: string): string {
  return field.replace(wholeFormula, (_, text: string) => text.replaceAll('""', '"'));
}
