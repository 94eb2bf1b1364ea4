import { type Alias, type Document, isNode, LineCounter, parseDocument, visit } from 'yaml';
import { ConfigurationError, InvalidInputError } from '../core/errors.ts';

/** A mapping file that cannot be used. The message starts with file, line and the path in the file. */
export class MappingError extends ConfigurationError {
  override readonly name: string = 'MappingError';
  readonly file: string;
  /** From 1; undefined where the file cannot be read at all. */
  readonly line: number | undefined;

  constructor(file: string, line: number | undefined, path: string, reason: string) {
    super(`${file}${line === undefined ? '' : `:${line}`}`, path === '' ? reason : `${path}: ${reason}`);
    this.file = file;
    this.line = line;
  }
}

/**
 * Reads a YAML document and gives its errors the line that they stem from.
 * @param compile may throw InvalidInputError, whose field is the path in the document
 * @throws MappingError
 */
export function inFile<T>(file: string, text: string, compile: (given: unknown) => T): T {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, version: '1.2', merge: false });
  const [broken] = document.errors;
  if (broken)
    throw new MappingError(file, lineCounter.linePos(broken.pos[0]).line, '', firstLine(broken.message));
  const given = toValue(document, file, lineCounter);
  try {
    return compile(given);
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    throw new MappingError(file, lineOf(error.field, document, lineCounter), error.field, error.reason);
  }
}

/** An alias of aliases stands for many values: so many are enough for a file that is written by hand. */
const mostValues = 100;

/** @throws MappingError for an alias that cannot be followed */
function toValue(document: Document, file: string, lineCounter: LineCounter): unknown {
  let last: Alias | undefined;
  const refuse = ({ source, range }: Alias, reason: string) => {
    const line = range ? lineCounter.linePos(range[0]).line : undefined;
    return new MappingError(file, line, '', `*${source} ${reason}`);
  };
  visit(document, {
    Alias(_key, alias, ancestors) {
      last = alias;
      const target = alias.resolve(document);
      if (target === undefined) throw refuse(alias, 'is not defined above');
      if (ancestors.includes(target)) throw refuse(alias, 'stands inside of what it means');
    },
  });
  try {
    return document.toJS({ maxAliasCount: mostValues });
  } catch (error) {
    if (last && error instanceof ReferenceError) throw refuse(last, 'makes too many values of its aliases');
    throw error;
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

/** The line of the deepest part of a path that the document has. */
function lineOf(path: string, document: Document, lineCounter: LineCounter): number | undefined {
  const steps = path.split(/[.[\]]+/).filter((step) => step !== '');
  for (let length = steps.length; length > 0; length -= 1) {
    const node = document.getIn(
      steps.slice(0, length).map((step) => (/^\d+$/.test(step) ? Number(step) : step)),
      true,
    );
    if (isNode(node) && node.range) return lineCounter.linePos(node.range[0]).line;
  }
  return steps.length === 0 ? undefined : 1;
}
