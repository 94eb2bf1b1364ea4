import { devNull } from 'node:os';

/** The local stack checks no signature, but the SDK needs something to sign with. */
const localCredentials = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  // A person's own files may name a profile's endpoints, or FIPS ones.
  AWS_CONFIG_FILE: devNull,
  AWS_SHARED_CREDENTIALS_FILE: devNull,
};

/**
 * Makes the AWS SDK of this process talk to local endpoints alone, with credentials that mean nothing elsewhere. What a person has set for
 * AWS (AWS_PROFILE, which the SDK prefers to keys, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL …) is removed from the environment.
 * @param endpoints e.g. `{ AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:4602' }`
 */
export function useLocalEndpoints(endpoints: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) if (isForAws(name)) delete process.env[name];
  Object.assign(process.env, localCredentials, endpoints);
}

/** Not those that only say how the SDK is to behave. */
function isForAws(name: string): boolean {
  return name.startsWith('AWS_') && !name.startsWith('AWS_SDK_');
}
