import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResourceEntry, ResourceTable, ResourceVersion, SubresourceEntry } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import type { WatchCache } from '@kubelab/storage';
import type { AdmissionChain } from '../admission/index.js';
import type { UserInfo } from '../authentication/index.js';
import type { Reader } from '../registry/reader.js';
import type { Writer } from '../registry/writer.js';
import type { RequestInfo } from '../request-info.js';
import type { Representation } from './negotiate.js';

/** What the handlers of all resources share. */
export interface HandlerEnvironment {
  table: ResourceTable;
  reader: Reader;
  writer: Writer;
  cache: WatchCache;
  admission: AdmissionChain;
  logger: Logger;
  /** Least time a watch is served when the client names none, in seconds; the most is twice that. */
  minRequestTimeoutSeconds: number;
}

/** One authorized request on a resource. */
export interface RequestContext {
  req: IncomingMessage;
  res: ServerResponse;
  info: RequestInfo;
  user: UserInfo;
  entry: ResourceEntry;
  served: ResourceVersion;
  subresource?: SubresourceEntry;
  /** How the answer is to look: agreed on before anything is done, so that a write whose answer can't be read is none. */
  representation: Representation;
  /** Called when a long answer has begun: the request does not count as in flight any more. */
  begun?(): void;
  /** Sends a Warning header (RFC 7234, code 299) with the answer. */
  warn(text: string): void;
}
