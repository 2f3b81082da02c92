import { fileURLToPath } from 'node:url';
import { type GrpcObject, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** Both sides of the socket decode with the options the types in generated/ were made for. */
const loaderOptions = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true } as const;

/** What kubelet and crictl allow for one message. */
export const maxMessageBytes = 16 * 1024 * 1024;

/** The client constructors (which carry the service definitions) of one file below /proto. */
export function loadServices(protoFile: string, packagePath: string): Record<string, ServiceClientConstructor> {
  const file = fileURLToPath(new URL(`../../../proto/${protoFile}`, import.meta.url));
  let found = loadPackageDefinition(loadSync(file, loaderOptions));
  for (const part of packagePath.split('.')) found = found[part] as GrpcObject;
  return found as Record<string, ServiceClientConstructor>;
}

/** A service of a loaded file; a wrong name is a programming error. */
export function serviceOf(services: Record<string, ServiceClientConstructor>, name: string): ServiceClientConstructor {
  const service = services[name];
  if (!service) throw new Error(`proto file has no service ${name}`);
  return service;
}
