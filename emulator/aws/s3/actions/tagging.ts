import * as z from 'zod';
import { AwsError } from '../../aws-error.ts';
import type { S3Action } from '../exchange.ts';
import { requestedObject } from '../find-object.ts';
import { versionHeader } from '../object-headers.ts';
import { oneOrMany, readXml, xmlAnswer } from '../xml.ts';

/** Under this name an object's tags are kept with its headers, as a request gives them. */
export const taggingHeader = 'x-amz-tagging';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html */
const mostTags = 10;

const Tag = z.object({ Key: z.string().min(1).max(128), Value: z.string().max(256) });
const PutObjectTaggingDocument = z.object({
  Tagging: z.object({
    TagSet: z.preprocess(
      (value) => (value === '' ? { Tag: [] } : value),
      z.object({ Tag: z.preprocess(oneOrMany, z.array(Tag)) }),
    ),
  }),
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html */
export const putObjectTagging: S3Action = async (request, state) => {
  const { Tagging } = await readXml(request.body, PutObjectTaggingDocument);
  const { Tag: tags } = Tagging.TagSet;
  if (tags.length > mostTags)
    throw new AwsError('BadRequest', `Object tags cannot be greater than ${mostTags}`);
  if (new Set(tags.map(({ Key }) => Key)).size < tags.length)
    throw new AwsError('InvalidTag', 'Cannot provide multiple Tags with the same key');
  const object = requestedObject(state, request);
  const { [taggingHeader]: _, ...others } = object.headers;
  const text = new URLSearchParams(tags.map(({ Key, Value }): [string, string] => [Key, Value])).toString();
  state.objects.setHeaders(object, text === '' ? others : { ...others, [taggingHeader]: text });
  return { status: 200, headers: versionHeader(state, object) };
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html */
export const getObjectTagging: S3Action = (request, state) => {
  const object = requestedObject(state, request);
  const tags = new URLSearchParams(object.headers[taggingHeader] ?? '');
  const Tag = [...tags].map(([Key, Value]) => ({ Key, Value }));
  const answer = xmlAnswer('Tagging', { TagSet: Tag.length > 0 ? { Tag } : '' });
  return { ...answer, headers: { ...answer.headers, ...versionHeader(state, object) } };
};
