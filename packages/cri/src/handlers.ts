import type { MethodDefinition } from '@grpc/proto-loader';
import type { ImageServiceDefinition, RuntimeServiceDefinition } from './generated/runtime.js';

/** What a handler gets beside the request. */
export interface HandlerContext {
  /** Aborted when the caller goes away or its deadline passes. */
  signal: AbortSignal;
}

type StreamingMethod =
  | 'GetContainerEvents'
  | 'ListAndWatch'
  | 'StreamPodSandboxes'
  | 'StreamContainers'
  | 'StreamContainerStats'
  | 'StreamPodSandboxStats'
  | 'StreamPodSandboxMetrics'
  | 'StreamImages';

/** A method's name here; the index signature the generated definitions carry is dropped. */
type MethodName<K> = K extends string ? (string extends K ? never : Uncapitalize<K>) : never;

type UnaryHandlers<D> = {
  [K in keyof D as K extends StreamingMethod ? never : MethodName<K>]: D[K] extends MethodDefinition<
    infer _RequestIn,
    infer ResponseIn,
    infer RequestOut,
    infer _ResponseOut
  >
    ? (request: RequestOut, context: HandlerContext) => Promise<ResponseIn> | ResponseIn
    : never;
};

type StreamHandlers<D> = {
  [K in keyof D as K extends StreamingMethod ? MethodName<K> : never]: D[K] extends MethodDefinition<
    infer _RequestIn,
    infer ResponseIn,
    infer RequestOut,
    infer _ResponseOut
  >
    ? (request: RequestOut, context: HandlerContext) => AsyncIterable<ResponseIn>
    : never;
};

/** One function a method of runtime.v1.RuntimeService, in camel case; a missing one answers UNIMPLEMENTED. */
export type RuntimeHandlers = Partial<UnaryHandlers<RuntimeServiceDefinition>> &
  Partial<StreamHandlers<RuntimeServiceDefinition>>;

/** One function a method of runtime.v1.ImageService, in camel case; a missing one answers UNIMPLEMENTED. */
export type ImageHandlers = Partial<UnaryHandlers<ImageServiceDefinition>> &
  Partial<StreamHandlers<ImageServiceDefinition>>;

/** The promise-returning methods a client has for a service definition. */
export type UnaryCalls<D, Options> = {
  [K in keyof D as K extends StreamingMethod ? never : MethodName<K>]: D[K] extends MethodDefinition<
    infer RequestIn,
    infer _ResponseIn,
    infer _RequestOut,
    infer ResponseOut
  >
    ? (request: RequestIn, options?: Options) => Promise<ResponseOut>
    : never;
};

/** The methods a client has for the calls of a service definition that answer with a stream. */
export type StreamCalls<D, Options> = {
  [K in keyof D as K extends StreamingMethod ? MethodName<K> : never]: D[K] extends MethodDefinition<
    infer RequestIn,
    infer _ResponseIn,
    infer _RequestOut,
    infer ResponseOut
  >
    ? (request: RequestIn, options?: Options) => AsyncIterable<ResponseOut>
    : never;
};
