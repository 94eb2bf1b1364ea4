import { boolean, guid, integer, reference, text } from './columns.ts';
import type { Table } from './table.ts';

/** Longer than any chunk in base64. */
const chunkTextLength = 1_000_000;

/** Files on records: what is known of a file, its bytes in chunks, and attributes such as an alt text. */
export const attachmentTables: readonly Table[] = [
  {
    name: 'sys_attachment',
    label: 'Attachments',
    display: 'file_name',
    columns: [
      guid('table_sys_id', 'Table sys ID', { indexed: true }),
      integer('size_bytes', 'Size bytes'),
      integer('image_height', 'Image height'),
      text('file_name', 'File name', 255),
      boolean('compressed', 'Compressed'),
      text('average_image_color', 'Average image color', 40),
      text('table_name', 'Table name', 80),
      integer('image_width', 'Image width'),
      text('content_type', 'Content type', 255),
      integer('size_compressed', 'Size compressed'),
      text('hash', 'Hash', 64),
      integer('chunk_size_bytes', 'Chunk size bytes'),
      text('state', 'State', 40),
      text('encryption_context', 'Encryption context', 32),
    ],
  },
  {
    name: 'sys_attachment_doc',
    label: 'Attachment Documents',
    columns: [
      reference('sys_attachment', 'Attachment', 'sys_attachment', { indexed: true }),
      integer('position', 'Position'),
      integer('length', 'Length'),
      text('data', 'Data', chunkTextLength),
    ],
  },
  {
    name: 'sys_attachment_attribute',
    label: 'Attachment Attributes',
    display: 'key',
    columns: [
      reference('attachment', 'Attachment', 'sys_attachment', { indexed: true }),
      text('key', 'Key', 255),
      text('value', 'Value', 4000),
    ],
  },
];
