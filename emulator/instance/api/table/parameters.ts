import type { Presentation } from '../../fields/shape.ts';
import type { Exchange } from '../../http/exchange.ts';
import { isTrue } from '../../http/flag.ts';

const defaultLimit = 10_000;

/** The `sysparm_*` of a Table API call; a value that makes no sense counts as not given. */
export type TableParameters = {
  readonly presentation: Presentation;
  readonly fields: readonly string[] | undefined;
  readonly view: string | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly noCount: boolean;
  readonly suppressPaginationHeader: boolean;
  readonly inputDisplayValue: boolean;
  readonly suppressAutoSysField: boolean;
};

export function readParameters(exchange: Exchange): TableParameters {
  const given = exchange.url.searchParams;
  const flag = (name: string) => isTrue(given.get(name));
  return {
    presentation: readPresentation(exchange),
    fields: readFields(given.get('sysparm_fields')),
    view: given.get('sysparm_view') || undefined,
    limit: natural(given.get('sysparm_limit')) ?? defaultLimit,
    offset: natural(given.get('sysparm_offset')) ?? 0,
    noCount: flag('sysparm_no_count'),
    suppressPaginationHeader: flag('sysparm_suppress_pagination_header'),
    inputDisplayValue: flag('sysparm_input_display_value'),
    suppressAutoSysField: flag('sysparm_suppress_auto_sys_field'),
  };
}

/** How the caller wants fields to look. */
function readPresentation(exchange: Exchange): Presentation {
  const given = exchange.url.searchParams;
  return {
    mode: readMode(given.get('sysparm_display_value')),
    excludeReferenceLink: isTrue(given.get('sysparm_exclude_reference_link')),
    tableUrl: tableUrl(exchange),
  };
}

/** What `sysparm_display_value` asks for. */
export function readMode(text: string | null): Presentation['mode'] {
  if (isTrue(text)) return 'true';
  return text?.toLowerCase() === 'all' ? 'all' : 'false';
}

/** Where the tables are, as this caller reached them: with the version segment of the request. */
export function tableUrl(exchange: Exchange): string {
  const version = exchange.version ? `${exchange.version}/` : '';
  return `${exchange.url.origin}/api/now/${version}table`;
}

function readFields(list: string | null): string[] | undefined {
  const names = (list ?? '').split(',').flatMap((name) => name.trim() || []);
  return names.length > 0 ? [...new Set(names)] : undefined;
}

function natural(text: string | null): number | undefined {
  if (text === null || !/^\d+$/.test(text)) return undefined;
  return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}
