import { ConfigurationError } from '../../core/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for calls to `origin`: the connection's own `proxyUrl`, else HTTPS_PROXY / HTTP_PROXY unless NO_PROXY
 * exempts the host. Lower-case names win, as in curl. Undefined means a direct connection.
 * @throws ConfigurationError naming the setting that is not a proxy URL, never its value
 */
export function chooseProxy(
  origin: string,
  own: string | undefined,
  environment: Environment,
): string | undefined {
  if (own) return checkProxyUrl(own, 'secret.proxyUrl');
  const url = new URL(origin);
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const proxy = environment[name] ?? environment[name.toUpperCase()];
  if (!proxy || isExempt(url, environment['no_proxy'] ?? environment['NO_PROXY'] ?? '')) return undefined;
  return checkProxyUrl(proxy, name.toUpperCase());
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
