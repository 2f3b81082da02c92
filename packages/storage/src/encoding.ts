import type { KubeObject } from '@kubelab/apimachinery';

const marker = Buffer.from('"metadata":{');
/** How far into a value the marker is looked for: kind and apiVersion come before it. */
const headLimit = 512;
const headForm = /^\{"kind":"[^"\\]*","apiVersion":"[^"\\]*",$/;

/**
 * The stored form: JSON without resourceVersion (which is etcd's own revision) and with kind, apiVersion and metadata
 * first, so that a reader can put the resourceVersion in without parsing.
 */
export function encodeObject(object: KubeObject): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _dropped, ...meta } = metadata ?? {};
  return Buffer.from(JSON.stringify({ kind: kind ?? '', apiVersion: apiVersion ?? '', metadata: meta, ...rest }));
}

/**
 * The complete JSON of a stored value, resourceVersion included: what clients of the storage version are served.
 * @throws SyntaxError when the value is no JSON object
 */
export function withResourceVersion(data: Buffer, revision: number): Buffer {
  const at = data.subarray(0, headLimit).indexOf(marker);
  if (at < 0 || !headForm.test(data.toString('latin1', 0, at))) {
    return reencode(data, revision);
  }
  const split = at + marker.length;
  const version = `"resourceVersion":"${revision}"${data[split] === 0x7d ? '' : ','}`;
  // Not from Buffer's pool: a small object would keep its whole slab alive for as long as it is cached.
  const out = Buffer.allocUnsafeSlow(data.length + version.length);
  data.copy(out, 0, 0, split);
  out.write(version, split, 'latin1');
  data.copy(out, split + version.length, split);
  return out;
}

/** A value that another program wrote: any order of fields, perhaps a resourceVersion in it. */
function reencode(data: Buffer, revision: number): Buffer {
  const object = JSON.parse(data.toString('utf8')) as KubeObject;
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    throw new SyntaxError('the stored value is no JSON object');
  }
  const { kind = '', apiVersion = '', metadata = {}, ...rest } = object;
  return Buffer.from(
    JSON.stringify({ kind, apiVersion, metadata: { ...metadata, resourceVersion: String(revision) }, ...rest }),
  );
}
