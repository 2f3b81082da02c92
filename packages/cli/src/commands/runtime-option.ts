import type { OptionSpec, OptionValues } from '@kubelab/component-base';
import { UsageError } from '../command.js';

/** The option of the commands that make this machine a node. */
export const runtimeOption: Record<string, OptionSpec> = {
  'container-runtime-endpoint': {
    type: 'string',
    description: 'CRI socket of a runtime to use in the place of Docker: unix:///run/containerd/containerd.sock',
  },
};

/** The socket of the user's own runtime as unix:///PATH; undefined for Docker. */
export function runtimeEndpoint(options: OptionValues): string | undefined {
  const given = options.optionalString('container-runtime-endpoint');
  if (given === undefined) return undefined;
  const path = given.replace(/^unix:\/\//, '');
  if (!path.startsWith('/')) {
    throw new UsageError(`--container-runtime-endpoint=${given}: unix:///PATH is wanted`);
  }
  return `unix://${path}`;
}
