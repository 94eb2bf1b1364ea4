/** Lines of a made-up export of people: the same for the same number. */
export const header = 'u_code,u_text,u_when';

export function plainLine(i: number): string {
  return `code-${i},Some Body from department ${i % 97} in the main building,2026-11-24 03:00:00`;
}

export function quotedLine(i: number): string {
  return `"code-${i}","Some ""Body"" from department ${i % 97},\nin the main building","2026-11-24 03:00:00"`;
}

/** A file as pieces of about 1 MB; nothing of it is kept. */
export async function* filePieces(rows: number, line: (i: number) => string): AsyncGenerator<Uint8Array> {
  let held = [header];
  let length = 0;
  for (let i = 0; i < rows; i++) {
    const text = line(i);
    held.push(text);
    length += text.length;
    if (length < 1_000_000) continue;
    yield Buffer.from(`${held.join('\n')}\n`);
    held = [];
    length = 0;
  }
  if (held.length > 0) yield Buffer.from(`${held.join('\n')}\n`);
}
