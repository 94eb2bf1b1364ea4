import { isIP } from 'node:net';
import { ConfigurationError } from '../core/errors.ts';

/** Where an instance is, after its URL was checked. */
export type InstanceAddress = {
  /** `https://dev1.service-now.com`, without a slash at the end. */
  readonly origin: string;
  readonly hostname: string;
  /** True when the deployment lists this host: then its name may resolve to a private address. */
  readonly listed: boolean;
};

const ownDomains = ['*.service-now.com', '*.servicenowservices.com'];
const loopbackHosts = ['127.0.0.1', 'localhost'];
const setting = 'secret.instanceUrl';

/**
 * Checks an instance URL: https, a host of ServiceNow's or of the deployment's list (`host`, `host:8443`,
 * `*.example.com`), and nothing else. http and any port only for a listed loopback host, for the local run.
 * @throws ConfigurationError for `secret.instanceUrl`
 */
export function parseInstanceUrl(url: string, allowedHosts: readonly string[]): InstanceAddress {
  // Before parsing: URL silently repairs user info, backslashes, other notations of an address and more.
  if (!/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?\/?$/i.test(url)) {
    throw new ConfigurationError(setting, 'must be https://host, with nothing before or after the host');
  }
  const parsed = parseUrl(url);
  const { hostname } = parsed;
  const listed = allowedHosts.some((entry) => matches(entry, parsed));
  if (loopbackHosts.includes(hostname)) return loopback(parsed, listed || allowedHosts.includes(hostname));
  if (parsed.protocol !== 'https:') throw new ConfigurationError(setting, 'must be https');
  if (isIP(hostname) !== 0 || hostname.endsWith('.') || hostname.includes('xn--')) {
    throw new ConfigurationError(
      setting,
      'must be a plain host name, not an IP address or an internationalized name',
    );
  }
  if (!listed && !ownDomains.some((entry) => matches(entry, parsed))) {
    throw new ConfigurationError(
      setting,
      'the host is neither a ServiceNow domain nor listed in ALLOWED_HOSTS',
    );
  }
  return { origin: parsed.origin, hostname, listed };
}

function loopback(parsed: URL, listed: boolean): InstanceAddress {
  if (!listed)
    throw new ConfigurationError(setting, 'a loopback host is for local use only; list it in ALLOWED_HOSTS');
  return { origin: parsed.origin, hostname: parsed.hostname, listed };
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed) return parsed;
  throw new ConfigurationError(setting, 'is not a URL');
}

/** An entry without a port means 443, which URL leaves out. */
function matches(entry: string, url: URL): boolean {
  const wanted = entry.toLowerCase();
  if (wanted.startsWith('*.'))
    return url.host.endsWith(wanted.slice(1)) && url.host.length > wanted.length - 1;
  return url.host === wanted;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for calls to `origin`: the connection's own `proxyUrl`, else HTTPS_PROXY unless NO_PROXY exempts the host or it is this
 * machine. Lower-case names win, as in curl. Undefined means a direct connection.
 * @throws ConfigurationError naming the setting that is not a proxy URL, never its value
 */
export function chooseProxy(
  origin: string,
  own: string | undefined,
  environment: Environment,
): string | undefined {
  if (own) return checkProxyUrl(own, 'secret.proxyUrl');
  const url = new URL(origin);
  const proxy = environment['https_proxy'] ?? environment['HTTPS_PROXY'];
  if (!proxy || loopbackHosts.includes(url.hostname)) return undefined;
  if (isExempt(url, environment['no_proxy'] ?? environment['NO_PROXY'] ?? '')) return undefined;
  return checkProxyUrl(proxy, 'HTTPS_PROXY');
}

function checkProxyUrl(url: string, setting: string): string {
  const parsed = URL.parse(url);
  const readable = parsed !== null && isDecodable(parsed.username) && isDecodable(parsed.password);
  if (readable && /^https?:$/.test(parsed.protocol)) return url;
  throw new ConfigurationError(setting, 'must be http://[user:password@]host:port, with % signs encoded');
}

function isDecodable(text: string): boolean {
  return !/%(?![0-9a-f]{2})/i.test(text);
}

/** Entries are `*`, a host (including its sub-domains), `.domain` or `*.domain`, each with or without a port. */
function isExempt(url: URL, noProxy: string): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy.split(/[,\s]+/).some((entry) => {
    const [, host, entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    if (!host || (entryPort && entryPort !== port)) return false;
    const domain = host.replace(/^\*?\./, '');
    return host === '*' || url.hostname === domain || url.hostname.endsWith(`.${domain}`);
  });
}
