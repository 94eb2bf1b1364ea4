/**
 * The three calls that aws-lambda-ric makes on its native client, over one kept-alive connection to the Runtime API, so that an answer
 * always arrives before the next invocation is asked for.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
const { Agent, request } = require('node:http');

const [hostname, port] = (process.env.AWS_LAMBDA_RUNTIME_API ?? '').split(':');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const base = '/2018-06-01/runtime/invocation';

function call(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { hostname, port, agent, method, path: `${base}/${path}`, headers };
    const sent = request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ bodyJson: Buffer.concat(chunks).toString(), headers: response.headers }),
      );
    });
    sent.on('error', reject).end(body);
  });
}

/** Without its host a runtime has nothing left to do. */
function post(path, body, headers) {
  const length = Buffer.byteLength(body);
  call('POST', path, body, {
    ...headers,
    'content-type': 'application/json',
    'content-length': length,
  }).catch(() => process.exit(1));
}

module.exports = {
  next: () => call('GET', 'next'),
  done: (id, body) => post(`${id}/response`, body),
  error: (id, body, xray) =>
    post(`${id}/error`, body, {
      'lambda-runtime-function-error-type': 'Unhandled',
      'lambda-runtime-function-xray-error-cause': Buffer.byteLength(xray) < 8192 ? encodeURI(xray) : '',
    }),
};
