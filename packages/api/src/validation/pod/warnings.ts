import type { V1ObjectMeta, V1PodSpec } from '../../generated/types.js';
import { each } from '../common.js';

const DEPRECATED_NODE_LABELS: Record<string, string> = {
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

/** Warnings that Kubernetes gives for pods and pod templates: deprecated fields and doubtful ones. */
export function podTemplateWarnings(
  spec: V1PodSpec | undefined,
  meta: V1ObjectMeta | undefined,
  path: string,
): string[] {
  const out: string[] = [];
  if (!spec) return out;
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const replacement = DEPRECATED_NODE_LABELS[key];
    if (replacement) out.push(`${path}.nodeSelector[${key}]: deprecated since v1.14; use "${replacement}" instead`);
  }
  each(spec.volumes, (v, i) => {
    if (v.gitRepo) {
      out.push(`${path}.volumes[${i}].gitRepo: deprecated in v1.11, and disabled by default in v1.33+`);
    }
    if (v.glusterfs)
      out.push(
        `${path}.volumes[${i}].glusterfs: deprecated in v1.25, this feature will be completely removed in v1.26`,
      );
  });
  for (const kind of ['containers', 'initContainers'] as const) {
    each(spec[kind], (c, i) => {
      const names = new Set<string>();
      each(c.env, (e, j) => {
        if (names.has(e.name)) {
          out.push(
            `${path}.${kind}[${i}].env[${j}]: hides previous definition of "${e.name}", which may be dropped when using apply`,
          );
        }
        names.add(e.name);
      });
      const ports = new Set<string>();
      each(c.ports, (port, j) => {
        const id = `${port.containerPort}/${port.protocol}`;
        if (ports.has(id)) {
          out.push(`${path}.${kind}[${i}].ports[${j}]: duplicate port definition with ${path}.${kind}[${i}].ports`);
        }
        ports.add(id);
      });
    });
  }
  for (const key of Object.keys(meta?.annotations ?? {})) {
    if (key.startsWith('seccomp.security.alpha.kubernetes.io/')) {
      out.push(`metadata.annotations[${key}]: non-functional in v1.27+; use the "seccompProfile" field instead`);
    }
    if (key.startsWith('container.apparmor.security.beta.kubernetes.io/')) {
      out.push(`metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
    }
  }
  return out;
}
