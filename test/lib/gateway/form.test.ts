import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readForm } from '../../../lib/gateway/form.ts';

const field = (name: string, value: string) =>
  `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`;
const file = (name: string, value: string) =>
  `Content-Disposition: form-data; name="uploadFile"; filename="${name}"\r\nContent-Type: text/plain\r\n\r\n${value}`;
const form = (boundary: string, parts: readonly string[], end = `--${boundary}--\r\n`) =>
  Buffer.from(parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('') + end);

async function textsOf(bytes: Uint8Array, contentType: string) {
  const read = await readForm(bytes, contentType);
  return Promise.all(
    read.map(async ([name, value]) =>
      typeof value === 'string' ? [name, value] : [name, value.name, await value.text()],
    ),
  );
}

describe('a form', () => {
  const parts = [field('table_name', 'incident'), file('ü 日本.txt', 'größe')];
  const read = [
    ['table_name', 'incident'],
    ['uploadFile', 'ü 日本.txt', 'größe'],
  ];

  it.each([
    ['a short boundary', 'b', 'boundary=b'],
    [
      'the boundary of a browser',
      '----WebKitFormBoundary7MA4YWxkTrZu0gW',
      'boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW',
    ],
    ['the longest boundary', 'b'.repeat(70), `boundary=${'b'.repeat(70)}`],
    ['a quoted boundary with a blank', 'a b', 'boundary="a b"'],
    ['a boundary of all other characters', "--'()+_,-./:=?", `boundary="--'()+_,-./:=?"`],
    ['another parameter before the boundary', 'b', 'charset=utf-8; boundary=b'],
    ['another parameter after it', 'b', 'Boundary=b;charset=utf-8'],
  ])('is read with %s', async (_, boundary, parameters) => {
    expect(await textsOf(form(boundary, parts), `multipart/form-data; ${parameters}`)).toEqual(read);
  });

  it('is read without the last line break, and with a preamble', async () => {
    const type = 'multipart/form-data; boundary=b';
    expect(await textsOf(form('b', parts, '--b--'), type)).toEqual(read);
    const preamble = Buffer.concat([Buffer.from('This is a form.\r\n'), form('b', parts)]);
    expect(await textsOf(preamble, type)).toEqual(read);
  });

  it.each([
    ['filename="a\\"b.txt"', 'a"b.txt'],
    ['filename="a%22b.txt"', 'a"b.txt'],
    ['filename="C:\\temp\\a.txt"', 'C:\\temp\\a.txt'],
    ["filename*=iso-8859-1''Gr%FC.txt", 'Grü.txt'],
    ["filename*=utf-8'de'Gr%C3%BC.txt", 'Grü.txt'],
    ['filename="Gr.txt"; filename*=windows-1252\'\'5%80.txt', '5€.txt'],
  ])('has a file name as clients write it: %s', async (parameter, name) => {
    const head = `Content-Disposition: form-data; name="uploadFile"; ${parameter}\r\nContent-Type: text/plain`;
    const content = 'Content-Disposition: filename="a\\"b"\r\n\r\nx';
    const bytes = form('b', [field('table_name', 'incident'), `${head}\r\n\r\n${content}`]);
    expect(await textsOf(bytes, 'multipart/form-data; boundary=b')).toEqual([
      ['table_name', 'incident'],
      ['uploadFile', name, content],
    ]);
  });

  it('keeps what only looks like a delimiter', async () => {
    const value = '--bb\r\nx --b--\r\n--b-\r\n --b\r\n--B';
    const bytes = form('b', [file('a.txt', value)]);
    expect(await textsOf(bytes, 'multipart/form-data; boundary=b')).toEqual([['uploadFile', 'a.txt', value]]);
  });

  it('gives back any bytes, whatever the boundary', async () => {
    const letter = fc.constantFrom(..."abcXYZ0189'()+_,-./:=? ");
    const boundaries = fc
      .array(letter, { minLength: 1, maxLength: 70 })
      .map((letters) => letters.join(''))
      .filter((boundary) => !boundary.endsWith(' '));
    await fc.assert(
      fc.asyncProperty(boundaries, fc.uint8Array({ maxLength: 300 }), async (boundary, content) => {
        const head = Buffer.from(
          `--${boundary}\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`,
        );
        const bytes = Buffer.concat([head, content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
        const [[, value] = []] = await readForm(bytes, `multipart/form-data; boundary="${boundary}"`);
        if (!(value instanceof File)) throw new Error('no file was read');
        expect(Buffer.from(await value.arrayBuffer())).toEqual(Buffer.from(content));
      }),
    );
  });

  it.each([
    ['no boundary', form('b', parts), 'multipart/form-data'],
    ['an empty boundary', form('b', parts), 'multipart/form-data; boundary='],
    ['another boundary', form('b', parts), 'multipart/form-data; boundary=c'],
    ['no end', form('b', parts, ''), 'multipart/form-data; boundary=b'],
    ['no part', Buffer.from('x'), 'multipart/form-data; boundary=b'],
  ])('is refused with %s', async (_, bytes, contentType) => {
    await expect(readForm(bytes, contentType)).rejects.toThrow('is not valid multipart/form-data');
  });
});
