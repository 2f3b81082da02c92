import type { V1Container, V1PodSpec, V1SecurityContext } from '@kubelab/api';
import { allContainers } from './objects.js';

export interface Violation {
  reason: string;
  detail: string;
}

type Check = (spec: V1PodSpec, annotations: Record<string, string>) => Violation | undefined;

const quoteAll = (names: string[]) => names.map((n) => JSON.stringify(n)).join(', ');
const containersText = (names: string[]) => `container${names.length === 1 ? '' : 's'} ${quoteAll(names)}`;
const isWindows = (spec: V1PodSpec) => spec.os?.name === 'windows';

function bad(spec: V1PodSpec, test: (c: V1Container, s: V1SecurityContext) => boolean): string[] {
  return allContainers(spec)
    .filter((c) => test(c, c.securityContext ?? {}))
    .map((c) => c.name);
}

const baselineCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);
const safeSysctls = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);
const selinuxTypes = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']);
const restrictedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
  'image',
];

const hostNamespaces: Check = (spec) => {
  const on = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((k) => spec[k]);
  return on.length > 0 ? { reason: 'host namespaces', detail: on.map((k) => `${k}=true`).join(', ') } : undefined;
};

const privileged: Check = (spec) => {
  const names = bad(spec, (_c, s) => s.privileged === true);
  return names.length > 0
    ? { reason: 'privileged', detail: `${containersText(names)} must not set securityContext.privileged=true` }
    : undefined;
};

const baselineCaps: Check = (spec) => {
  const extra = new Set<string>();
  const names = bad(spec, (_c, s) => {
    const over = (s.capabilities?.add ?? []).filter((x) => !baselineCapabilities.has(x));
    for (const x of over) extra.add(x);
    return over.length > 0;
  });
  return names.length > 0
    ? {
        reason: 'non-default capabilities',
        detail: `${containersText(names)} must not include ${quoteAll([...extra].sort())} in securityContext.capabilities.add`,
      }
    : undefined;
};

const hostPath: Check = (spec) => {
  const names = (spec.volumes ?? []).filter((v) => v.hostPath).map((v) => v.name);
  return names.length > 0
    ? { reason: 'hostPath volumes', detail: `volume${names.length === 1 ? '' : 's'} ${quoteAll(names)}` }
    : undefined;
};

const hostPorts: Check = (spec) => {
  const ports = new Set<number>();
  const names = bad(spec, (c) => {
    const own = (c.ports ?? []).map((p) => p.hostPort ?? 0).filter((p) => p !== 0);
    for (const p of own) ports.add(p);
    return own.length > 0;
  });
  if (names.length === 0) return undefined;
  const list = [...ports].sort((a, b) => a - b).join(', ');
  return {
    reason: 'hostPort',
    detail: `${containersText(names)} use${names.length === 1 ? 's' : ''} hostPort${ports.size === 1 ? '' : 's'} ${list}`,
  };
};

const procMount: Check = (spec) => {
  const names = bad(spec, (_c, s) => (s.procMount ?? 'Default') !== 'Default');
  return names.length > 0
    ? { reason: 'procMount', detail: `${containersText(names)} must not set securityContext.procMount to "Unmasked"` }
    : undefined;
};

const selinux: Check = (spec) => {
  const types = new Set<string>();
  const settings = [
    spec.securityContext?.seLinuxOptions,
    ...allContainers(spec).map((c) => c.securityContext?.seLinuxOptions),
  ];
  let userOrRole = false;
  for (const s of settings) {
    if (s?.type && !selinuxTypes.has(s.type)) types.add(s.type);
    if (s?.user || s?.role) userOrRole = true;
  }
  if (types.size === 0 && !userOrRole) return undefined;
  const parts = [
    ...(types.size > 0 ? [`type${types.size === 1 ? '' : 's'} ${quoteAll([...types])}`] : []),
    ...(userOrRole ? ['user or role may not be set'] : []),
  ];
  return {
    reason: 'seLinuxOptions',
    detail: `pod or containers set forbidden securityContext.seLinuxOptions: ${parts.join('; ')}`,
  };
};

const seccompBaseline: Check = (spec) => {
  const unconfined = (t: string | undefined) => t === 'Unconfined';
  const names = bad(spec, (_c, s) => unconfined(s.seccompProfile?.type));
  const pod = unconfined(spec.securityContext?.seccompProfile?.type);
  if (!pod && names.length === 0) return undefined;
  const who = [...(pod ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : [])].join(' and ');
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to "Unconfined"`,
  };
};

const appArmor: Check = (spec, annotations) => {
  const allowed = (v: string) => v === '' || v === 'runtime/default' || v.startsWith('localhost/');
  const byAnnotation = Object.entries(annotations)
    .filter(([k, v]) => k.startsWith('container.apparmor.security.beta.kubernetes.io/') && !allowed(v))
    .map(([k, v]) => `${k}=${JSON.stringify(v)}`);
  const unconfined = bad(spec, (_c, s) => s.appArmorProfile?.type === 'Unconfined');
  const pod = spec.securityContext?.appArmorProfile?.type === 'Unconfined';
  if (byAnnotation.length > 0) return { reason: 'forbidden AppArmor profile', detail: byAnnotation.join(', ') };
  if (!pod && unconfined.length === 0) return undefined;
  const who = pod ? 'pod' : containersText(unconfined);
  return { reason: 'forbidden AppArmor profile', detail: `${who} must not set AppArmor profile type to "Unconfined"` };
};

const sysctls: Check = (spec) => {
  const names = (spec.securityContext?.sysctls ?? []).map((s) => s.name).filter((n) => !safeSysctls.has(n));
  return names.length > 0 ? { reason: 'forbidden sysctls', detail: names.join(', ') } : undefined;
};

const windowsHostProcess: Check = (spec) => {
  const names = bad(spec, (_c, s) => s.windowsOptions?.hostProcess === true);
  const pod = spec.securityContext?.windowsOptions?.hostProcess === true;
  if (!pod && names.length === 0) return undefined;
  return {
    reason: 'hostProcess',
    detail: `${pod ? 'pod' : containersText(names)} must not set securityContext.windowsOptions.hostProcess=true`,
  };
};

const allowPrivilegeEscalation: Check = (spec) => {
  if (isWindows(spec)) return undefined;
  const names = bad(spec, (_c, s) => s.allowPrivilegeEscalation !== false);
  return names.length > 0
    ? {
        reason: 'allowPrivilegeEscalation != false',
        detail: `${containersText(names)} must set securityContext.allowPrivilegeEscalation=false`,
      }
    : undefined;
};

const restrictedCaps: Check = (spec) => {
  if (isWindows(spec)) return undefined;
  const noDrop = bad(spec, (_c, s) => !(s.capabilities?.drop ?? []).includes('ALL'));
  const extra = new Set<string>();
  const adding = bad(spec, (_c, s) => {
    const over = (s.capabilities?.add ?? []).filter((x) => x !== 'NET_BIND_SERVICE');
    for (const x of over) extra.add(x);
    return over.length > 0;
  });
  const parts = [
    ...(noDrop.length > 0 ? [`${containersText(noDrop)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0
      ? [
          `${containersText(adding)} must not include ${quoteAll([...extra].sort())} in securityContext.capabilities.add`,
        ]
      : []),
  ];
  return parts.length > 0 ? { reason: 'unrestricted capabilities', detail: parts.join('; ') } : undefined;
};

const volumeTypes: Check = (spec) => {
  const wrong = (spec.volumes ?? []).filter(
    (v) => !restrictedVolumes.some((t) => (v as unknown as Record<string, unknown>)[t] !== undefined),
  );
  if (wrong.length === 0) return undefined;
  const types = new Set(wrong.map((v) => Object.keys(v).find((k) => k !== 'name') ?? 'unknown'));
  return {
    reason: 'restricted volume types',
    detail: `volume${wrong.length === 1 ? '' : 's'} ${quoteAll(wrong.map((v) => v.name))} use${wrong.length === 1 ? 's' : ''} restricted volume type${types.size === 1 ? '' : 's'} ${quoteAll([...types].sort())}`,
  };
};

const runAsNonRoot: Check = (spec) => {
  const pod = spec.securityContext?.runAsNonRoot;
  const explicit = bad(spec, (_c, s) => s.runAsNonRoot === false);
  if (explicit.length > 0) {
    return {
      reason: 'runAsNonRoot != true',
      detail: `${containersText(explicit)} must not set securityContext.runAsNonRoot=false`,
    };
  }
  if (pod === true) return undefined;
  const missing = bad(spec, (_c, s) => s.runAsNonRoot !== true);
  if (missing.length === 0) return undefined;
  return {
    reason: 'runAsNonRoot != true',
    detail:
      pod === false
        ? 'pod must not set securityContext.runAsNonRoot=false'
        : `pod or ${containersText(missing)} must set securityContext.runAsNonRoot=true`,
  };
};

const runAsUser: Check = (spec) => {
  if (isWindows(spec)) return undefined;
  const names = bad(spec, (_c, s) => s.runAsUser === 0);
  const pod = spec.securityContext?.runAsUser === 0;
  if (!pod && names.length === 0) return undefined;
  const who = [...(pod ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : [])].join(' and ');
  return { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

const seccompRestricted: Check = (spec) => {
  if (isWindows(spec)) return undefined;
  const good = (t: string | undefined) => t === 'RuntimeDefault' || t === 'Localhost';
  const wrong = bad(spec, (_c, s) => s.seccompProfile?.type !== undefined && !good(s.seccompProfile.type));
  if (wrong.length > 0) {
    return {
      reason: 'seccompProfile',
      detail: `${containersText(wrong)} must not set securityContext.seccompProfile.type to "Unconfined"`,
    };
  }
  const pod = spec.securityContext?.seccompProfile?.type;
  if (good(pod)) return undefined;
  const missing = bad(spec, (_c, s) => s.seccompProfile?.type === undefined);
  if (missing.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail:
      pod === 'Unconfined'
        ? 'pod must not set securityContext.seccompProfile.type to "Unconfined"'
        : `pod or ${containersText(missing)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

const baseline: Check[] = [
  appArmor,
  baselineCaps,
  hostNamespaces,
  hostPath,
  hostPorts,
  privileged,
  procMount,
  seccompBaseline,
  selinux,
  sysctls,
  windowsHostProcess,
];
const restricted: Check[] = [
  ...baseline.filter((c) => c !== baselineCaps && c !== seccompBaseline),
  allowPrivilegeEscalation,
  restrictedCaps,
  volumeTypes,
  runAsNonRoot,
  runAsUser,
  seccompRestricted,
];

export type Level = 'privileged' | 'baseline' | 'restricted';

/** What a pod breaks of a level of the Pod Security Standards, sorted by reason. */
export function violations(level: Level, spec: V1PodSpec, annotations: Record<string, string>): Violation[] {
  const checks = level === 'baseline' ? baseline : level === 'restricted' ? restricted : [];
  return checks
    .map((c) => c(spec, annotations))
    .filter((v) => v !== undefined)
    .sort((a, b) => (a.reason < b.reason ? -1 : 1));
}
