import type { Answer } from '../../http/exchange.ts';

/** An answer as the balancer in front of the instance gives it: HTML, and none of the instance's own headers. */
export function htmlPage(status: number, title: string, text: string): Answer {
  const html = `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1><p>${text}</p></body></html>`;
  return {
    status,
    bare: true,
    headers: {
      'Content-Type': 'text/html',
      Connection: 'close',
      'Set-Cookie': 'BIGipServerpool_emulator=2441876746.33342.0000; path=/; Httponly; Secure',
    },
    bytes: Buffer.from(html),
  };
}
