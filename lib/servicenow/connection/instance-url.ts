import { isIP } from 'node:net';
import { ConfigurationError } from '../../core/errors.ts';

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
  const parsed = parse(url);
  const { hostname } = parsed;
  const listed = allowedHosts.some((entry) => matches(entry, parsed));
  if (loopbackHosts.includes(hostname)) return loopback(parsed, listed || allowedHosts.includes(hostname));
  if (parsed.protocol !== 'https:') throw new ConfigurationError(setting, 'must be https');
  if (isIP(hostname) !== 0 || hostname.endsWith('.') || hostname.includes('xn--')) {
    throw new ConfigurationError(setting, 'must be a plain host name, not an address or a look-alike name');
  }
  if (!listed && !ownDomains.some((entry) => matches(entry, parsed))) {
    throw new ConfigurationError(
      setting,
      'the host is neither one of ServiceNow’s nor listed in ALLOWED_HOSTS',
    );
  }
  return { origin: parsed.origin, hostname, listed };
}

function loopback(parsed: URL, listed: boolean): InstanceAddress {
  if (!listed)
    throw new ConfigurationError(setting, 'loopback is only for the local run; list it in ALLOWED_HOSTS');
  return { origin: parsed.origin, hostname: parsed.hostname, listed };
}

function parse(url: string): URL {
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
