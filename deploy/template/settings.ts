import { type Config, readConfig } from '../../lib/core/config.ts';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { chooseProxy, parseInstanceUrl } from '../../lib/servicenow/address.ts';
import { isTableName } from '../../lib/servicenow/names.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** SQS dead-letters a message after 100 receives, and late receives are 12 to 15 minutes apart. */
const longestRetrySeconds = 64_800;

/**
 * Reads the variables of a function as the function itself will, so that a wrong one is refused before the deployment.
 * @throws ConfigurationError naming the variable that would end the function at its first call
 */
export function checkSettings(variables: Readonly<Record<string, string>>): void {
  const config = readConfig(variables);
  checkInstances(config);
  checkMethods('BATCH_METHODS', config.http.batchMethods);
  checkMethods('METHOD_OVERRIDES', config.http.methodOverrides);
  checkHosts(config);
  if (config.records.retryForSeconds > longestRetrySeconds)
    throw new ConfigurationError('RECORDS_RETRY_FOR_SECONDS', 'may be 64800 (18 hours) at most');
}

function checkInstances({ instances, dropInstances, records }: Config): void {
  if (instances.size === 0) throw new ConfigurationError('SERVICENOW_SECRET_ID', 'names no secret');
  for (const { name, secretId, allowedTables } of instances.values()) {
    if (secretId.trim() === '') throw new ConfigurationError('SERVICENOW_SECRET_ID', `${name} has no secret`);
    if (allowedTables.length === 0)
      throw new ConfigurationError('ALLOWED_TABLES', `names no table of ${name}; * stands for all`);
    checkTables('ALLOWED_TABLES', allowedTables);
  }
  checkTables('CORRELATION_ID_TABLES', records.correlationIdTables);
  const unknown = dropInstances.find((name) => name !== '*' && !instances.has(name));
  if (unknown !== undefined)
    throw new ConfigurationError(
      'DROP_INSTANCES',
      `${unknown} is none of ${[...instances.keys()].join(', ')}`,
    );
}

function checkTables(setting: string, tables: readonly string[]): void {
  const wrong = tables.find((table) => table !== '*' && !isTableName(table));
  if (wrong !== undefined)
    throw new ConfigurationError(setting, `"${wrong}" is not a table; separate tables by commas`);
}

function checkMethods(setting: string, given: readonly string[]): void {
  const wrong = given.find((method) => !methods.includes(method));
  if (wrong !== undefined) throw new ConfigurationError(setting, `${wrong} is none of ${methods.join(', ')}`);
}

function checkHosts({ allowedHosts, proxyEnvironment }: Config): void {
  for (const host of allowedHosts)
    try {
      parseInstanceUrl(`https://${host.replace(/^\*\./, 'any.')}`, [host]);
    } catch (cause) {
      const form = 'must be a host, host:port or *.domain, without https:// and path';
      throw new ConfigurationError('ALLOWED_HOSTS', `"${host}" ${form}`, { cause });
    }
  // NO_PROXY may exempt any host.
  const { HTTPS_PROXY } = proxyEnvironment;
  chooseProxy('https://example.service-now.com', undefined, { HTTPS_PROXY });
}
