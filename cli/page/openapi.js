// Renders the description of the HTTP API. What is tried goes through the page, and the commands shown name the API itself.

const api = document.getElementById('openapi');

/** Swagger UI's own switch. */
document.documentElement.classList.toggle('dark-mode', matchMedia('(prefers-color-scheme: dark)').matches);

SwaggerUIBundle({
  url: '/openapi/openapi.json',
  domNode: api,
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  showMutatedRequest: false,
  requestInterceptor(request) {
    const { origin, pathname, search } = new URL(request.url, location.href);
    if (origin === location.origin) return request;
    const headers = { ...request.headers };
    const isWrite = !['GET', 'HEAD'].includes(request.method);
    const isAgreed = 'own' in api.dataset && isWrite && confirm('Write to my own instance?');
    if (isAgreed) headers['X-Own-Instance'] = 'yes';
    return { ...request, headers, url: `/call${pathname}${search}` };
  },
});
