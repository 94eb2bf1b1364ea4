import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as z from 'zod/mini';
import { InvalidInputError, invalidBy } from '../core/errors.ts';
import { checkDefaults } from './check-defaults.ts';
import { checkMapping } from './check-mapping.ts';
import { checkColumnNames, checkParts } from './check-parts.ts';
import { compileExpression } from './expression.ts';
import type { CompiledMapping, Condition, Mappings, Parts, Template } from './mapping.ts';
import { inFile, MappingError } from './mapping-document.ts';
import { defaultsFile, mappingFile } from './mapping-file.ts';
import { compilePattern } from './pattern.ts';

/** What `defaults.yaml` is called. */
const defaultsName = 'defaults.yaml';

/**
 * Compiles the mapping files of a folder, in the order of their names.
 * @throws MappingError for the first file that is wrong, and for two files with the same pattern
 */
export function compileMappings(folder: string): readonly CompiledMapping[] {
  return compileAll(folder).mappings;
}

/** As `compileMappings`, with the parts of `defaults.yaml`. @throws MappingError */
export function compileAll(folder: string): Mappings {
  const names = readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name))
    .toSorted();
  const texts = names.map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
  const given = texts.find(({ name }) => name === defaultsName);
  const defaults = given ? compileDefaults(given.text) : {};
  const mappings = texts
    .filter(({ name }) => name !== defaultsName)
    .map(({ name, text }) => compileMapping(name, text, defaults));
  refuseTwins(mappings);
  if (given) inFile(defaultsName, given.text, () => checkDefaults({ mappings, defaults }));
  return { mappings, defaults };
}

/** Compiles one file. @throws MappingError naming file, line and path */
export function compileMapping(
  file: string,
  text: string,
  defaults: Mappings['defaults'] = {},
): CompiledMapping {
  return inFile(file, text, (given) => {
    const parsed = mappingFile.safeParse(given);
    if (!parsed.success) throw issueOf(parsed.error);
    const { source, when, key, at, id, each, life, quiet = [] } = parsed.data;
    checkPattern(when, 'when');
    const shared = Object.values(defaults).flatMap(({ fields = {} }) => Object.keys(fields));
    checkColumnNames(parsed.data, new Set(shared));
    const mapping: CompiledMapping = {
      file,
      source,
      when,
      let: Object.entries(parsed.data.let ?? {}).map(([name, value]) => [
        name,
        toTemplate(value, `let.${name}`),
      ]),
      key:
        typeof key === 'string'
          ? [toTemplate(key, 'key')]
          : key.map((part, at) => toTemplate(part, `key.${at}`)),
      ...(each !== undefined && { each: toTemplate(each, 'each') }),
      ...(at !== undefined && { at: toTemplate(at, 'at') }),
      ...(id !== undefined && { id: toTemplate(id, 'id') }),
      target: toTargets(parsed.data.target ?? 'incident'),
      ...(life && { life }),
      signal: parsed.data.signal.map(({ when: condition, is, ...parts }, index) => ({
        is,
        ...(condition !== undefined && { when: toCondition(condition, `signal.${index}.when`) }),
        ...toParts(parts, `signal.${index}.`),
      })),
      quiet,
      ...toParts(parsed.data, ''),
    };
    checkMapping(mapping);
    return mapping;
  });
}

function compileDefaults(text: string): Mappings['defaults'] {
  return inFile(defaultsName, text, (given) => {
    const parsed = defaultsFile.safeParse(withoutSchema(given));
    if (!parsed.success) throw issueOf(parsed.error);
    return Object.fromEntries(
      Object.entries(parsed.data).map(([target, parts]) => [target, toParts(parts, `${target}.`)]),
    );
  });
}

/** Without the name of the JSON Schema, which editors read. */
function withoutSchema(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  return Object.fromEntries(
    Object.entries(given).filter(([name, value]) => name !== '$schema' || typeof value !== 'string'),
  );
}

function issueOf(error: z.core.$ZodError): InvalidInputError {
  return invalidBy(error.issues, 'file', 'is not a known part');
}

/** `{% … %}` over the whole text is an expression. */
function toTemplate(value: unknown, path: string): Template {
  const expression = typeof value === 'string' ? expressionIn(value, path) : undefined;
  if (expression === undefined && typeof value === 'object' && JSON.stringify(value).includes('{%'))
    throw new InvalidInputError(path, 'must be one expression as a whole: {% { "name": path } %}');
  if (expression === undefined) return { literal: value };
  compileExpression(expression, path);
  return { expression };
}

function expressionIn(text: string, path: string): string | undefined {
  const inner = /^\s*\{%(.*)%\}\s*$/s.exec(text)?.[1];
  if (inner !== undefined && !inner.includes('{%')) return inner.trim();
  if (text.includes('{%') || text.includes('%}'))
    throw new InvalidInputError(
      path,
      'mixes text and an expression; join them inside: {% "Alarm " & name %}',
    );
  return undefined;
}

function toCondition(given: unknown, path: string): Condition {
  if (typeof given === 'string') {
    const template = toTemplate(given, path);
    if ('expression' in template) return template;
    throw new InvalidInputError(path, 'must be an event pattern or an expression {% … %}');
  }
  checkPattern(given, path);
  return { pattern: Object(given) };
}

function checkPattern(given: unknown, path: string): void {
  compilePattern(given, path);
}

function toTargets(given: z.output<typeof mappingFile>['target'] & {}): CompiledMapping['target'] {
  if (typeof given === 'string') return [{ is: given }];
  return given.map(({ when, is }, index) => ({
    is,
    ...(when !== undefined && { when: toCondition(when, `target.${index}.when`) }),
  }));
}

type GivenParts = Pick<
  z.output<typeof mappingFile>,
  'fields' | 'update' | 'required' | 'note' | 'resolve' | 'reopen'
>;

function toParts(given: GivenParts, path: string): Parts {
  checkParts(given, path);
  const { fields, update, required, note, resolve, reopen } = given;
  return {
    ...(fields && { fields: mapValues(fields, (value, name) => toField(value, `${path}fields.${name}`)) }),
    ...(update && { update }),
    ...(required && { required }),
    ...(note !== undefined && { note: toNote(note, `${path}note`) }),
    ...(resolve && {
      resolve: mapValues(resolve, (value, name) => toTemplate(value, `${path}resolve.${name}`)),
    }),
    ...(reopen && { reopen }),
  };
}

function toField(given: NonNullable<GivenParts['fields']>[string] | undefined, path: string) {
  if (typeof given !== 'object' || given === null) return toTemplate(given, path);
  const { by, ...rest } = given;
  return {
    lookup: { ...rest, by: mapValues(by, (value, name) => toTemplate(value, `${path}.by.${name}`)) },
  };
}

function toNote(given: NonNullable<GivenParts['note']>, path: string): NonNullable<Parts['note']> {
  if (typeof given === 'string') return { text: toTemplate(given, path) };
  return { text: toTemplate(given.text, `${path}.text`), onResolved: given.onResolved };
}

function mapValues<T, R>(given: Readonly<Record<string, T>>, map: (value: T, name: string) => R) {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, map(value, name)]));
}

/** An event that two files match becomes a dead letter; where the patterns are equal, that is every event. */
function refuseTwins(mappings: readonly CompiledMapping[]): void {
  for (const [index, mapping] of mappings.entries()) {
    for (const other of mappings.slice(0, index)) {
      const isSame = canonical(other.when) === canonical(mapping.when);
      if (isSame)
        throw new MappingError(mapping.file, 1, 'when', `is the same pattern as that of ${other.file}`);
    }
  }
}

/** The order of properties and of alternatives makes no difference. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).toSorted().join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`);
  return `{${entries.toSorted().join()}}`;
}
