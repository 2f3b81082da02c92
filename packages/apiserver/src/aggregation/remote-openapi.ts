import type { OpenApiV2 } from '@kubelab/api';
import type { RemoteServer } from './remote-server.js';

/** What an extension server publishes about its group and version. */
export interface RemoteDocuments {
  /** The v3 document, as it came. */
  v3?: Buffer;
  /** Its paths and definitions of the v2 document. */
  v2?: Pick<OpenApiV2, 'paths' | 'definitions'>;
}

interface Known {
  etag: string;
  body: Buffer;
}

/** Reads the OpenAPI documents of an extension server again and again, whole only when they have changed. */
export class RemoteOpenApi {
  documents: RemoteDocuments = {};
  private readonly known = new Map<string, Known>();

  constructor(
    private readonly server: RemoteServer,
    private readonly path: string,
  ) {}

  /** Resolves to whether the documents are others than before; a server that publishes none is no error. */
  async refresh(): Promise<boolean> {
    const v3 = await this.read(`/openapi/v3/${this.path}`);
    const v2 = await this.read('/openapi/v2');
    if (!v3.changed && !v2.changed) return false;
    this.documents = {
      ...(v3.body ? { v3: v3.body } : {}),
      ...(v2.body ? { v2: ownPart(JSON.parse(v2.body.toString('utf8')) as OpenApiV2, this.path) } : {}),
    };
    return true;
  }

  private async read(path: string): Promise<{ body?: Buffer; changed: boolean }> {
    const before = this.known.get(path);
    const answer = await this.server.fetch(path, before?.etag);
    if (answer.status === 304 && before) return { body: before.body, changed: false };
    if (answer.status !== 200) {
      this.known.delete(path);
      return { changed: before !== undefined };
    }
    this.known.set(path, { etag: answer.etag, body: answer.body });
    return { body: answer.body, changed: !before?.body.equals(answer.body) };
  }
}

/** The paths below the group and version, with all definitions: those that are ours already are left out when merged. */
function ownPart(document: OpenApiV2, path: string): RemoteDocuments['v2'] {
  const own = Object.entries(document.paths ?? {}).filter(([p]) => p.startsWith(`/${path}/`));
  return { paths: Object.fromEntries(own), definitions: document.definitions ?? {} };
}
