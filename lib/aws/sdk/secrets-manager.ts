/** What is used of the SDK's client for Secrets Manager. An `import()` of the package itself would bundle all of it. */
export { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
