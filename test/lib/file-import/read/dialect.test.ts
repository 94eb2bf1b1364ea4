import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { detectDelimiter, foreignFormat, namedDelimiter } from '../../../../lib/file-import/read/dialect.ts';
import {
  anotherEncoding,
  detectEncoding,
  encodingAdvice,
  likelyEncoding,
} from '../../../../lib/file-import/read/encoding.ts';

const head = (...lines: string[]) => Buffer.from(lines.join('\n'));

describe('the delimiter', () => {
  it.each([
    ['the only one there is', head('a;b', '1;2'), ';'],
    [
      'the one that agrees with the header, though commas are in its text',
      head('a;b', '1,5;2,5', '3;4'),
      ';',
    ],
    ['the one that is no decimal comma, when both agree', head('Betrag;Kurs, EUR', '1,5;2', '3,4;5'), ';'],
    ['the one that is no punctuation', head('Name, first;Age', 'Doe, J;5', 'Roe, R;6'), ';'],
    ['the comma where semicolons are in a text', head('a,b', '1,x;y', '2,z'), ','],
    ['the one that trailing delimiters repeat', head('a;b;;', '1;2;;', '1;2'), ';'],
    ['judged without blank lines', head('', ';;', 'a;b;c', ';;', '1;2;3'), ';'],
    ['not looked for in quotes', head('"a,b,c";d', '"1,2,3";4'), ';'],
    ['found behind a quote that opens nothing', head('size;note', '5";a', '6;b'), ';'],
    ['a tab', head('a\tb, c', '1\t2, 3'), '\t'],
    ['a pipe', head('a|b', '1|2,3'), '|'],
    ['a comma for want of any', head('a', '1'), ','],
    ['what stands alone in lines without text', head('', ' ;; ', '; ;'), ';'],
    ['none of those in the text of a single column', head('a', 'x, y', 'z', 'u; v'), '|'],
    ['what splits all rows alike, though the header names a single column', head('a', '1;x', '2;y, z'), ';'],
    ['the comma in a single column whose rows end in it', head('a', '1,', '2,'), ','],
  ])('is %s', (_, bytes, delimiter) => {
    expect(detectDelimiter(bytes)).toBe(delimiter);
  });

  it.each([
    ['sep=;\r\na,b', ';'],
    ['SEP=\t\na', '\t'],
    ['"sep=|"\na', '|'],
    ['sep=;;\na', ';'],
    ['sep=\\t\r\na', '\t'],
    ['"Sep = \\T"\t\na', '\t'],
    ['sep=\\\na', '\\'],
    ['sep=\\tab\na', undefined],
    ['sep=;,\na', undefined],
    ['separator\n', undefined],
  ])('may be named by the first line %j', (text, delimiter) => {
    expect(namedDelimiter(Buffer.from(text), 0)).toBe(delimiter);
  });
});

describe('the encoding', () => {
  const utf16 = (text: string) => Buffer.from(text, 'utf16le');
  const latin = (text: string) => Buffer.from(text, 'latin1');
  it.each([
    ['UTF-16 LE without a mark', utf16('id;name\n1;Ä'), 'utf-16le'],
    ['UTF-16 BE without a mark', utf16('id;name\n1;Ä').swap16(), 'utf-16be'],
    ['UTF-16 LE whose rows are Chinese', utf16('id,name\n1,漢字漢字漢字\n'), 'utf-16le'],
    ['UTF-16 LE whose header is Russian', utf16('Код;Текст\r\n1;а\r\n'), 'utf-16le'],
    [
      'UTF-16 BE whose header is Chinese',
      utf16('编号,名称\n漢字,漢字漢字漢字漢字漢字漢字\n').swap16(),
      'utf-16be',
    ],
    ['UTF-8 with a stray NUL behind a line end', Buffer.from(`id,name\n\0a,b${'x'.repeat(200)}`), 'utf-8'],
    ['UTF-8 with a stray NUL', Buffer.from(`id,name\n1,a\0b${'x'.repeat(200)}`), 'utf-8'],
    ['UTF-8', Buffer.from('id;name\n1;Ä'), 'utf-8'],
    ['UTF-8 for bytes that are none', Buffer.from('id;name\n1;M\xfcller', 'latin1'), 'utf-8'],
  ])('is recognised: %s', (_, bytes, name) => {
    expect(detectEncoding(bytes, undefined).name).toBe(name);
  });

  it('is what the settings say, whatever it looks like', () => {
    expect(detectEncoding(utf16('id;name\n1;Ä'), 'windows-1252').name).toBe('windows-1252');
  });

  it.each([
    ['Windows-1252 for umlauts that stand alone', Buffer.from('name\nM\xfcller\n', 'latin1'), 'windows-1252'],
    [
      'nothing for UTF-8 with one broken byte',
      Buffer.from('name\nM\xc3\xbcller\nM\xfcller x', 'latin1'),
      undefined,
    ],
    ['Windows-1252 for a euro sign between blanks', Buffer.from('a\nx 5 \x80 y\n', 'latin1'), 'windows-1252'],
    ['Windows-1252 where é stands at the very end', Buffer.from('caf\xe9', 'latin1'), 'windows-1252'],
    [
      'not Windows-1252 for words of another script',
      Buffer.from('name\n\xcf\xf0\xe8\xe2\xe5\xf2 a', 'latin1'),
      anotherEncoding,
    ],
    ['not Windows-1252 for Shift_JIS', latin('name\n\x8eR\x93c\x91\xbe\x98Y'), anotherEncoding],
    ['not Windows-1252 for GBK', latin('name\n\xd5\xc5\xce\xb0'), anotherEncoding],
    [
      'nothing for UTF-8 with single broken bytes',
      Buffer.from('name\n\xf0 \xe8x \xe2 M\xc3\xbcller', 'latin1'),
      undefined,
    ],
    ['Windows-1252 for capitals that begin characters in UTF-8', latin('SÃO JOÃO'), 'windows-1252'],
    ['Windows-1252 for one at the beginning of a word', latin('Âge'), 'windows-1252'],
    ['Windows-1252 for umlauts in a row', latin('ÄÖÜ'), 'windows-1252'],
    ['Windows-1252 for a fraction', latin('1;½'), 'windows-1252'],
    ['Windows-1252 for a diameter', latin('1;Ø 12'), 'windows-1252'],
    ['nothing for a character cut off at the end of a value', latin('1;Caf\xc3;x'), undefined],
    ['not Windows-1252 for a letter of DOS in a word', latin('1;K\x94ln'), anotherEncoding],
    ['not Windows-1252 for a letter that it does not have', latin('1;M\x81ller'), anotherEncoding],
    ['not Windows-1252 for a letter of old Macs', latin('1;caf\x8e'), anotherEncoding],
    ['not Windows-1252 for Polish', latin('1;\xa3\xf3d\x9f'), anotherEncoding],
    ['Windows-1252 for pounds and apostrophes', latin('1;\xa320 it\x92s'), 'windows-1252'],
    ['nothing for a byte that is in no word', Buffer.from('name\n"\xff"\n...', 'latin1'), undefined],
  ])('is suggested: %s', (_, bytes, name) => {
    const utf8 = { name: 'utf-8', bomBytes: 0, way: 'utf-8' } as const;
    expect(likelyEncoding(bytes, utf8)).toBe(name);
  });

  it('is suggested as a guess that names what else it may be', () => {
    expect(encodingAdvice('windows-1252')).toMatch(/set encoding to windows-1252 .* if that .* windows-1250/);
    expect(encodingAdvice(anotherEncoding)).not.toContain('windows-1252');
    expect(encodingAdvice('utf-16le')).toBe('; set encoding to utf-16le in _import.json');
    expect(encodingAdvice(undefined)).toBe('');
    expect(likelyEncoding(utf16('\uFEFFid;name\n1;Ä'), { name: 'utf-16le' })).toBeUndefined();
  });

  it('is not suggested for UTF-8 whose last character is cut by the end of what was read', () => {
    const front = Buffer.from('name\nx€').subarray(0, -1);
    expect(likelyEncoding(front, { name: 'utf-8' }, true)).toBeUndefined();
  });
});

describe('a file that is no text', () => {
  const csv = { format: 'csv', gzip: false } as const;
  const zip = (name: string) => Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), Buffer.from(name)]);
  it.each([
    ['gzip', gzipSync('a,b'), 'let its name end in .gz'],
    ['zip', zip('people.csv'), 'is a zip archive'],
    ['xlsx', zip('[Content_Types].xml'), 'save it as CSV UTF-8'],
    ['xlsx with other parts first', zip('docProps/app.xml'), 'save it as CSV UTF-8'],
    ['ods', zip('mimetypeapplication/vnd.oasis.opendocument.spreadsheet'), 'OpenDocument'],
    ['docx', zip('[Content_Types].xml....word/document.xml'), 'Office document'],
    ['an empty zip', Buffer.from('PK\x05\x06\0\0', 'latin1'), 'is a zip archive'],
    ['LZ4', Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x64]), 'LZ4'],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x69, 0, 0, 0]), 'save it as UTF-8'],
    ['UTF-32 BE', Buffer.from([0, 0, 0xfe, 0xff, 0, 0, 0, 0x69]), 'save it as UTF-8'],
    ['a table of a web page under the name of a CSV file', Buffer.from('<table><tr>'), 'HTML'],
    ['a comment of a web page', Buffer.from('<!-- made by -->'), 'HTML'],
    ['xls', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1]), 'save it as CSV UTF-8'],
    ['a PDF', Buffer.from('%PDF-1.7'), 'PDF'],
    ['7-Zip', Buffer.from('7z\xbc\xaf\x27\x1c', 'latin1'), '7-Zip'],
    ['a picture', Buffer.from('\x89PNG\r\n', 'latin1'), 'picture'],
    ['Rich Text', Buffer.from('{\\rtf1 x}'), 'Rich Text'],
    ['a web page', Buffer.from('\uFEFF\n<!DOCTYPE html>'), 'HTML'],
  ])('is called what it is: %s', (_, bytes, text) => {
    expect(foreignFormat(bytes, csv)).toContain(text);
  });

  it.each([
    ['jsonl', '[{"a":"1"}]', 'is a JSON array'],
    ['jsonl', '{\n  "a": 1\n}', 'objects that span lines'],
    ['csv', '\uFEFF[\n {"a":1}]', 'let its name end in .jsonl'],
    ['tsv', '{"a":1}\n', 'let its name end in .jsonl'],
  ] as const)('is called what it is where it is JSON of another form: .%s %j', (format, body, text) => {
    expect(foreignFormat(Buffer.from(body), { format, gzip: false })).toContain(text);
  });

  it('is not taken for one that is', () => {
    for (const body of ['PK,name\n1,a', '<tablet>,x\n1,a', '[id],{name}\n1,a', '{id},x\n'])
      expect(foreignFormat(Buffer.from(body), csv)).toBeUndefined();
    for (const body of ['[]\n{"a":1}', '{"a":1}\n', '{ "a": 1 }', '{}', 'a,b'])
      expect(foreignFormat(Buffer.from(body), { format: 'jsonl', gzip: false })).toBeUndefined();
  });
});
