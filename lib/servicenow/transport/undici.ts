/** The one door to undici: the bundler puts a slimmer one here, so name only what is used. */
export { buildConnector, Pool, ProxyAgent } from 'undici';
