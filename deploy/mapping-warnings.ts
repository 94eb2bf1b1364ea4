import { readConfig, selectInstance } from '../lib/core/config.ts';
import { compileAll } from '../lib/events/compile.ts';
import { unservedTables } from '../lib/events/served-tables.ts';
import { mappingsFolder } from './bundled-mappings.ts';
import { hasDynamicReference } from './template-parameters.ts';

/**
 * What the mapping files of a deployment need and its params do not allow.
 * @param settingOf the value of a param
 * @throws MappingError for a file that is wrong
 */
export function mappingWarnings(
  settingOf: (param: string) => string,
  folder = mappingsFolder,
): readonly string[] {
  const [secretId, tables] = [settingOf('secretId'), settingOf('allowedTables')];
  if (settingOf('events') !== 'true' || [secretId, tables].some(hasDynamicReference)) return [];
  const config = readConfig({ SERVICENOW_SECRET_ID: secretId, ALLOWED_TABLES: tables });
  // Events go to the first instance.
  return unservedTables(compileAll(folder), selectInstance(config).allowedTables);
}
