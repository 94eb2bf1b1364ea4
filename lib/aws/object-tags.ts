import { GetObjectTaggingCommand, PutObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3';
import { isStatus, type ObjectRef } from './s3.ts';

/** S3 takes no more for one object. */
const mostTags = 10;

/**
 * Gives the present version of an object a tag in addition to those that it has.
 * @returns false when it is gone, or has no room for another tag
 */
export async function addTag(
  s3: S3Client,
  { bucket, key }: Pick<ObjectRef, 'bucket' | 'key'>,
  tag: { readonly Key: string; readonly Value: string },
): Promise<boolean> {
  const object = { Bucket: bucket, Key: key };
  try {
    const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand(object));
    if (TagSet.some(({ Key, Value }) => Key === tag.Key && Value === tag.Value)) return true;
    const others = TagSet.filter(({ Key }) => Key !== tag.Key);
    if (others.length >= mostTags) return false;
    await s3.send(new PutObjectTaggingCommand({ ...object, Tagging: { TagSet: [...others, tag] } }));
    return true;
  } catch (error) {
    // 405: a delete marker.
    if (isStatus(error, 404, 405)) return false;
    throw error;
  }
}
