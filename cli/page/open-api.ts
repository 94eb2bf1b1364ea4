import { readFile } from 'node:fs/promises';
import { type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import { createRequire } from 'node:module';
import { pipeline } from 'node:stream/promises';
import { isProject } from '../typed.ts';
import { fileHeaders, safetyHeaders } from './guard.ts';
import { type Html, html } from './html.ts';
import { navigation } from './pages.ts';

const require = createRequire(import.meta.url);

/** What the API page loads, and where the project has it; the installed program has copies next to this file. */
const files = {
  'openapi.js': { source: './openapi.js', type: 'text/javascript; charset=utf-8' },
  'openapi.css': { source: './openapi.css', type: 'text/css; charset=utf-8' },
  'openapi.json': { source: '../../docs/openapi.json', type: 'application/json' },
  'swagger-ui-bundle.js': {
    source: 'swagger-ui-dist/swagger-ui-bundle.js',
    type: 'text/javascript; charset=utf-8',
  },
  'swagger-ui.css': { source: 'swagger-ui-dist/swagger-ui.css', type: 'text/css; charset=utf-8' },
} as const;

/**
 * The page with the HTTP API, described and ready to try. Swagger UI renders it.
 * @param isOwn whether calls write to a person's own instance, who has to agree
 */
export function apiPage(isOwn: boolean): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · servicenow-functions</title>
<link rel="stylesheet" href="/openapi/swagger-ui.css">
<link rel="stylesheet" href="/openapi/openapi.css">
<script src="/openapi/swagger-ui-bundle.js" defer></script>
<script src="/openapi/openapi.js" defer></script>
</head>
<body>
<header><p class="name"><a href="/">servicenow-functions</a></p>${navigation}</header>
<main id="openapi"${isOwn && html` data-own`}><p>This page needs scripts. The same as a file: <a href="/openapi/openapi.json">openapi.json</a>.</p></main>
</body>
</html>`;
}

/**
 * A file of the API page. The document names this stack alone: the page cannot call a deployment.
 * @param api base URL of the stack's HTTP API
 * @returns undefined for another name
 */
export async function readApiFile(
  name: string,
  api: string,
): Promise<{ readonly type: string; readonly body: string } | undefined> {
  if (!isApiFile(name)) return undefined;
  const { source, type } = files[name];
  const path = require.resolve(isProject ? source : `./${name}`);
  const body = await readFile(path, 'utf8');
  return { type, body: name === 'openapi.json' ? withServer(body, api) : body };
}

function isApiFile(name: string): name is keyof typeof files {
  return Object.hasOwn(files, name);
}

function withServer(text: string, url: string): string {
  const document: object = JSON.parse(text);
  return JSON.stringify({ ...document, servers: [{ url, description: 'this stack' }] });
}

/** Below this path the page passes calls on to the HTTP API, which takes none from the scripts of another origin. */
export const callsPath = '/call/';

/** Says `yes` when a person agreed to a write to their own instance. */
export const consentHeader = 'x-own-instance';

const passedOn = new Set(['accept', 'content-type', 'content-length', 'idempotency-key', 'authorization']);

/**
 * Passes a call on to the HTTP API and its answer back. The answer may hold anything, an attachment for example, so that a browser
 * is to treat it as a stranger's.
 */
export async function passCallOn(
  api: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url = '' } = request;
  const headers = Object.entries(request.headers).filter(
    ([name]) => passedOn.has(name) || (name.startsWith('x-') && name !== consentHeader),
  );
  const path = `/${url.slice(callsPath.length)}`;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = sendRequest(api, { method, path, headers: Object.fromEntries(headers) }, resolve);
    pipeline(request, call).catch(reject);
  }).catch(() => undefined);
  if (answer === undefined) {
    response.writeHead(502, { ...safetyHeaders, 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(`The HTTP API at ${api} does not answer\n`);
    return;
  }
  const { connection, 'transfer-encoding': _, ...headersOfAnswer } = answer.headers;
  response.writeHead(answer.statusCode ?? 502, { ...headersOfAnswer, ...fileHeaders });
  await pipeline(answer, response);
}
