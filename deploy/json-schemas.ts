import * as z from 'zod/mini';
import { defaultsFile, mappingFile } from '../lib/events/mapping-file.ts';
import { settingsSchema } from '../lib/file-import/plan/settings.ts';
import { outcomeDetails } from '../lib/outcomes/outcome-schema.ts';
import { recordMessage } from '../lib/record-queue/message.ts';
import { connectionSecret } from '../lib/servicenow/secret.ts';
import * as texts from './json-schema-texts.ts';

type Json = { readonly [name: string]: unknown };

/**
 * The published JSON Schemas (draft 2020-12) by their file in `schemas/`: made from what parses the documents, with what that
 * checks in code added, and a description for every property.
 * @throws Error naming a property without a description, or a description without a property
 */
export function jsonSchemas(): Readonly<Record<string, Json>> {
  return {
    'record-message.schema.json': published('record-message', texts.recordMessage, recordMessageSchema()),
    'import-settings.schema.json': published('import-settings', texts.importSettings, importSettingsSchema()),
    'secret.schema.json': published('secret', texts.secret, secretSchema()),
    'mapping.schema.json': published('mapping', texts.mapping, mappingSchema()),
    'mapping-defaults.schema.json': published('mapping-defaults', texts.mappingDefaults, defaultsSchema()),
    'outcome-event.v1.schema.json': published('outcome-event', texts.outcomeEvent, outcomeSchema()),
  };
}

/** Version 1 of each: it changes by additions only. */
function published(name: string, { title, description, examples }: texts.Texts, schema: Json): Json {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:servicenow-functions:${name}:1`,
    title,
    description,
    ...schema,
    examples,
  };
}

function recordMessageSchema(): Json {
  const { signal, record } = texts.recordMessage.properties;
  const { oneOf } = toJson(recordMessage());
  const variants = Array.isArray(oneOf) ? oneOf.filter(isJson) : [];
  const records = variants.filter((variant) => actionOf(variant) !== 'signal');
  const signals = variants.filter((variant) => actionOf(variant) === 'signal');
  const branches = [described({ oneOf: records }, record), described({ oneOf: signals }, signal)];
  const named = { not: { enum: ['', '__proto__'] } };
  const derived = { not: { enum: ['sys_id', 'correlation_id', 'correlation_display'] } };
  return {
    oneOf: branches.flatMap(({ oneOf: some }) => (Array.isArray(some) ? some : [])).map(withTitle),
    allOf: [
      {
        properties: {
          record: { propertyNames: named },
          resolve: { propertyNames: named },
          match: { minProperties: 1 },
          lookups: { additionalProperties: { properties: { by: { minProperties: 1 } } } },
          update: { not: { contains: { const: 'state' } } },
        },
      },
      {
        if: { properties: { action: { enum: ['update', 'delete', 'signal'] } }, required: ['action'] },
        else: { properties: { record: { not: { required: ['sys_id'] } } } },
      },
      {
        if: { required: ['life'] },
        else: {
          properties: {
            fields: { propertyNames: derived },
            lookups: { propertyNames: derived },
            resolve: { propertyNames: derived },
          },
        },
      },
      severityRule,
    ],
  };
}

/** An event of Event Management needs a severity, a look-up of one, or an impact that stands for one. */
const severityRule = {
  if: {
    properties: {
      action: { const: 'signal' },
      signal: { enum: ['open', 'update', 'note'] },
      target: { pattern: '^[eE][mM]_[eE][vV][eE][nN][tT]$' },
    },
    required: ['action', 'signal', 'target'],
    not: { required: ['life'] },
  },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: {
    anyOf: [
      filled('fields', 'severity', {
        not: { anyOf: [{ type: 'null' }, { type: 'string', pattern: '^\\s*$' }, { type: 'array' }] },
      }),
      filled('fields', 'impact', {
        anyOf: [{ enum: [1, 2, 3] }, { type: 'string', pattern: '^\\s*[1-3]\\s*$' }],
      }),
      filled('lookups', 'severity', {}),
    ],
  },
};

function filled(part: string, column: string, value: Json): Json {
  const columns = { properties: { [column]: value }, required: [column] };
  return { properties: { [part]: columns }, required: [part] };
}

function actionOf({ properties }: Json): unknown {
  const action = isJson(properties) ? properties['action'] : undefined;
  return isJson(action) ? action['const'] : undefined;
}

/** Named by its action, which may be left out of a create: its branch requires everything else. */
function withTitle(variant: Json): Json {
  const action = actionOf(variant);
  const { required, ...rest } = variant;
  const names = Array.isArray(required) ? required : [];
  return {
    title: action,
    ...rest,
    required: action === 'create' ? names.filter((name) => name !== 'action') : names,
  };
}

function importSettingsSchema(): Json {
  const { properties, ...schema } = toJson(settingsSchema);
  const settings = isJson(properties) ? properties : {};
  const { inDoubtSeconds } = settings;
  const { default: _, ...settleAfterSeconds }: Json = isJson(inDoubtSeconds) ? inDoubtSeconds : {};
  const withOldName = { ...settings, settleAfterSeconds: { ...settleAfterSeconds, deprecated: true } };
  return {
    ...described({ ...schema, properties: withOldName }, texts.importSettings.properties),
    not: { required: ['inDoubtSeconds', 'settleAfterSeconds'] },
  };
}

function secretSchema(): Json {
  return {
    ...described(toJson(connectionSecret), texts.secret.properties),
    anyOf: [
      { required: ['auth'] },
      { required: ['tls'], properties: { tls: { required: ['cert', 'key'] } } },
    ],
    allOf: [{ properties: { tls: { dependentRequired: { cert: ['key'], key: ['cert'] } } } }],
  };
}

/** Look-ups name at least one column. */
const lookupRules = { additionalProperties: { properties: { by: { minProperties: 1 } } } };

function mappingSchema(): Json {
  const both = (pattern: string) => ({ properties: { from: { pattern }, to: { pattern } } });
  const moment = '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d)?(Z|[+-]\\d\\d:\\d\\d)$';
  return {
    ...described(toJson(mappingFile), texts.mapping.properties),
    allOf: [
      {
        properties: {
          fields: lookupRules,
          signal: { items: { properties: { fields: lookupRules } } },
          quiet: { items: { anyOf: [both('^([01]\\d|2[0-3]):[0-5]\\d$'), both(moment)] } },
        },
      },
    ],
  };
}

function defaultsSchema(): Json {
  const { propertyNames, additionalProperties } = toJson(defaultsFile);
  const table = isJson(propertyNames) ? propertyNames['pattern'] : undefined;
  const ofTarget = described({ additionalProperties }, texts.mappingDefaults.properties)[
    'additionalProperties'
  ];
  return {
    type: 'object',
    properties: { $schema: { description: texts.schemaText, type: 'string' } },
    patternProperties: { [String(table)]: ofTarget },
    additionalProperties: false,
    allOf: [{ additionalProperties: { properties: { fields: lookupRules } } }],
  };
}

function outcomeSchema(): Json {
  const variants = Object.entries(outcomeDetails).map(([type, detail]) => ({
    title: type,
    type: 'object',
    required: ['source', 'detail-type', 'detail'],
    properties: {
      source: { const: 'servicenow-functions' },
      'detail-type': { const: type },
      detail: toJson(detail),
    },
  }));
  return described({ oneOf: variants }, texts.outcomeEvent.properties);
}

function toJson(schema: z.core.$ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  return rest;
}

/** Describes every property by its path, or by the end of it: `signal.fields.find` by `fields.find` or `find`. */
function described(schema: Json, descriptions: Readonly<Record<string, string>>): Json {
  const used = new Set<string>();
  const missing: string[] = [];
  const textOf = (path: readonly string[]): string | undefined => {
    const name = path.map((_, from) => path.slice(from).join('.')).find((end) => end in descriptions);
    if (name === undefined) missing.push(path.join('.'));
    else used.add(name);
    return name === undefined ? undefined : descriptions[name];
  };
  const result = walk(schema, [], textOf);
  const unused = Object.keys(descriptions).filter((name) => !used.has(name));
  if (missing.length > 0) throw new Error(`without a description: ${[...new Set(missing)].join(', ')}`);
  if (unused.length > 0) throw new Error(`described, but not there: ${unused.join(', ')}`);
  return result;
}

/** Values of these keywords are values, not schemas. */
const literals = new Set(['default', 'const', 'enum', 'required']);

function walk(
  schema: Json,
  path: readonly string[],
  textOf: (path: readonly string[]) => string | undefined,
): Json {
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    return isJson(value) ? walk(value, path, textOf) : value;
  };
  const properties = (value: Json) =>
    Object.entries(value).map(([name, one]) => {
      const here = [...path, name];
      return [name, { description: textOf(here), ...walk(isJson(one) ? one : {}, here, textOf) }];
    });
  return Object.fromEntries(
    Object.entries(schema).map(([name, value]) => {
      if (literals.has(name)) return [name, value];
      return [
        name,
        name === 'properties' && isJson(value) ? Object.fromEntries(properties(value)) : visit(value),
      ];
    }),
  );
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
