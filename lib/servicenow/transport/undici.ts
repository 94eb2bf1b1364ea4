/** The only import of undici: the bundler substitutes a slimmer build, so export only what is used. */
export { buildConnector, Pool, ProxyAgent } from 'undici';
