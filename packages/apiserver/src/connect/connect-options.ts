import type { KubeObject } from '@kubelab/apimachinery';
import type { RequestInfo } from '../request-info.js';

type Parameter = 'string' | 'boolean' | 'strings' | 'integers';

/** Kind and parameters of the options of each connecting subresource (core/v1). */
const kinds: Record<string, { kind: string; parameters: Record<string, Parameter> }> = {
  'pods/exec': {
    kind: 'PodExecOptions',
    parameters: {
      stdin: 'boolean',
      stdout: 'boolean',
      stderr: 'boolean',
      tty: 'boolean',
      container: 'string',
      command: 'strings',
    },
  },
  'pods/attach': {
    kind: 'PodAttachOptions',
    parameters: { stdin: 'boolean', stdout: 'boolean', stderr: 'boolean', tty: 'boolean', container: 'string' },
  },
  'pods/portforward': { kind: 'PodPortForwardOptions', parameters: { ports: 'integers' } },
  'pods/proxy': { kind: 'PodProxyOptions', parameters: {} },
  'services/proxy': { kind: 'ServiceProxyOptions', parameters: {} },
  'nodes/proxy': { kind: 'NodeProxyOptions', parameters: {} },
};

/** What a client asks of a connection, as the object that admission sees (PodExecOptions ...). */
export function connectOptions(info: RequestInfo, subpath: string): KubeObject {
  const { kind, parameters } = kinds[`${info.resource}/${info.subresource}`] ?? { kind: '', parameters: {} };
  const options: KubeObject = { kind, apiVersion: 'v1', metadata: {} };
  for (const [name, type] of Object.entries(parameters)) {
    const values = info.query.getAll(name);
    if (values.length > 0) options[name] = read(type, values);
  }
  if (info.subresource === 'proxy' && subpath !== '') options.path = subpath;
  return options;
}

function read(type: Parameter, values: string[]): unknown {
  switch (type) {
    case 'strings':
      return values;
    case 'integers':
      return values.flatMap((value) => value.split(',')).map(Number);
    case 'boolean':
      return isTrue(values[0]);
    default:
      return values[0];
  }
}

/** Query flags are true when they are there at all, unless they say otherwise (runtime.Convert_Slice_string_To_bool). */
export function isTrue(text: string | null | undefined): boolean {
  return text !== null && text !== undefined && !['0', 'false'].includes(text.toLowerCase());
}
