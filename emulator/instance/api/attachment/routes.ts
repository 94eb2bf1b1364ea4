import { negotiated } from '../../http/media-types.ts';
import type { Route } from '../../http/router.ts';
import { addAttribute } from './attributes/add-attribute.ts';
import { deleteAttribute, deleteAttributes } from './attributes/delete-attributes.ts';
import { getAttribute } from './attributes/get-attribute.ts';
import { listAttributes } from './attributes/list-attributes.ts';
import { updateAttribute } from './attributes/update-attribute.ts';
import { deleteAttachment } from './delete-attachment.ts';
import { getFile } from './get-file.ts';
import { getMetadata } from './get-metadata.ts';
import { listAttachments } from './list-attachments.ts';
import { renameAttachment } from './rename-attachment.ts';
import { uploadFile } from './upload-file.ts';
import { uploadMultipart } from './upload-multipart.ts';

/** The Attachment API. */
export const attachmentRoutes: readonly Route[] = [
  { path: 'attachment', methods: { GET: negotiated(listAttachments) } },
  { path: 'attachment/file', methods: { POST: uploadFile } },
  { path: 'attachment/upload', methods: { POST: uploadMultipart } },
  {
    path: 'attachment/:sysId',
    methods: {
      GET: negotiated(getMetadata),
      PATCH: negotiated(renameAttachment),
      DELETE: negotiated(deleteAttachment),
    },
  },
  { path: 'attachment/:sysId/file', methods: { GET: getFile } },
  {
    path: 'attachment/:sysId/attributes',
    methods: {
      GET: negotiated(listAttributes),
      POST: negotiated(addAttribute),
      DELETE: negotiated(deleteAttributes),
    },
  },
  {
    path: 'attachment/:sysId/attributes/:key',
    methods: {
      GET: negotiated(getAttribute),
      PUT: negotiated(updateAttribute),
      DELETE: negotiated(deleteAttribute),
    },
  },
];
