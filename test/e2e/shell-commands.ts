/** A command of a page, as a shell would read it. */
export type ShellCommand = {
  /** As it is written, in one line. */
  readonly text: string;
  /** Its words without quotes; variables and `<placeholders>` stay as they are. */
  readonly words: readonly string[];
};

/** The commands in the fenced `sh` blocks of a Markdown page, in their order. */
export function commandsIn(markdown: string): readonly ShellCommand[] {
  const blocks = markdown.matchAll(/^( *)```sh\n(.*?)^ *```/gms);
  return Array.from(blocks, ([, indent = '', block = '']) =>
    readCommands(block.replaceAll(new RegExp(`^${indent}`, 'gm'), '')),
  ).flat();
}

/** One word of a shell line: quoted and unquoted parts without a gap. */
const part = String.raw`'[^']*'|"(?:[^"\\]|\\.)*"|<[A-Za-z-]+>|\\[^\n]|[^\s'"\\#&<>][^\s'"\\&<>]*`;
const token = new RegExp(String.raw`((?:${part})+)|(\\\n|[ \t]+|#[^\n]*)|(&&|\n)|(>)`, 'gs');

function readCommands(block: string): ShellCommand[] {
  const commands: { text: string; words: string[] }[] = [];
  let current = { text: '', words: [] as string[] };
  const end = () => {
    if (current.words.length > 0) commands.push(current);
    current = { text: '', words: [] };
  };
  let read = 0;
  for (const { 0: all, 1: word, 3: separator, 4: redirection, index } of block.matchAll(token)) {
    if (index !== read) throw new Error(`cannot be read: ${block.slice(read, index)}`);
    read = index + all.length;
    if (separator !== undefined) end();
    const one = word === undefined ? redirection : unquoted(word);
    if (one !== undefined) {
      current.words.push(one);
      current.text = `${current.text} ${word ?? redirection}`.trim();
    }
  }
  if (read !== block.length) throw new Error(`cannot be read: ${block.slice(read)}`);
  end();
  return commands;
}

function unquoted(word: string): string {
  return word.replaceAll(new RegExp(part, 'gs'), (one) => {
    if (one.startsWith("'")) return one.slice(1, -1);
    if (one.startsWith('"')) return one.slice(1, -1).replaceAll(/\\(["\\$`])/g, '$1');
    return one.replaceAll(/\\(.)/g, '$1');
  });
}

/** The value after an option. @throws Error when the command has no such option */
export function optionOf({ words, text }: ShellCommand, name: string): string {
  const value = words[words.indexOf(name) + 1];
  if (!words.includes(name) || value === undefined) throw new Error(`no ${name} in ${text}`);
  return value;
}

/** The values of an option that may be given several times. */
export function optionsOf({ words }: ShellCommand, name: string): readonly string[] {
  return words.filter((_, index) => words[index - 1] === name);
}
