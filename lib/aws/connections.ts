import { systemClock } from '../core/clock.ts';
import { type Config, type InstanceConfig, selectInstance } from '../core/config.ts';
import { type Log, logWith, silentLog } from '../core/log.ts';
import { type Metrics, silentMetrics } from '../core/metrics.ts';
import type { ServiceNowClient } from '../servicenow/call.ts';
import { createClient } from '../servicenow/client.ts';
import { cacheSecret, fetchSecretText } from './secrets.ts';

/** A client and the instance it speaks to. */
type InstanceConnection = { readonly instance: InstanceConfig; readonly client: ServiceNowClient };

/** Opens one client per instance and keeps it, so that sockets, tokens and limits serve every call of the process. */
export type Connections = {
  /**
   * The connection of the named instance, or of the deployment's first.
   * @throws ConfigurationError when the deployment has none of that name
   */
  connect(instanceName?: string): InstanceConnection;
  /** Closes all sockets. */
  close(): Promise<void>;
};

export type ConnectionsOptions = {
  readonly config: Config;
  readonly log?: Log;
  readonly metrics?: Metrics;
  /** Learns of an instance that rejects the credentials. */
  readonly onRejection?: (instance: string) => void;
  /** Reads a secret's text by its id; Secrets Manager unless given. */
  readonly fetchSecret?: (secretId: string) => Promise<string>;
};

/** The connections of a deployment; make one at module scope and share it between invocations. */
export function createConnections(options: ConnectionsOptions): Connections {
  const clients = new Map<string, ServiceNowClient>();
  const clientOf = (instance: InstanceConfig): ServiceNowClient => {
    const known = clients.get(instance.name);
    if (known) return known;
    const client = openClient(instance, options);
    clients.set(instance.name, client);
    return client;
  };
  return {
    connect(instanceName) {
      const instance = selectInstance(options.config, instanceName);
      return { instance, client: clientOf(instance) };
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}

function openClient(instance: InstanceConfig, options: ConnectionsOptions): ServiceNowClient {
  const { config, log = silentLog, metrics = silentMetrics, fetchSecret = fetchSecretText } = options;
  const ttlMs = config.secretTtlSeconds * 1000;
  const logOfInstance = logWith(log, { instance: instance.name });
  const caching = { ttlMs, clock: systemClock, metrics, log: logOfInstance };
  return createClient({
    readSecret: cacheSecret(() => fetchSecret(instance.secretId), caching),
    allowedHosts: config.allowedHosts,
    proxyEnvironment: config.proxyEnvironment,
    maxInFlight: config.maxInFlight,
    log: logOfInstance,
    metrics: noticingRejections(metrics, () => options.onRejection?.(instance.name)),
  });
}

function noticingRejections(metrics: Metrics, onRejection: () => void): Metrics {
  return {
    add(name, value) {
      metrics.add(name, value);
      if (name === 'CredentialRejections') onRejection();
    },
  };
}
