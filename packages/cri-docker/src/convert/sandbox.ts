import { CriError, type PodSandboxConfigOutput } from '@kubelab/cri';
import type { ContainerCreateOptions } from 'dockerode';
import { type HostFacts, permittedOomScore } from '../host.js';
import { encodeLabels, type SandboxRecord } from '../labels.js';
import { sandboxName } from '../naming.js';
import { securityOptions } from './security.js';

/** As low as the kubelet's own: the sandbox goes last, since the whole pod goes with it. */
const sandboxOomScore = -998;

/** What Docker is asked to create for a sandbox. Pure but for reading seccomp profiles. */
export function sandboxOptions(
  config: PodSandboxConfigOutput,
  record: SandboxRecord,
  o: { image: string; owner: string; host: HostFacts; runtime: string; cgroupParent: string },
): ContainerCreateOptions {
  const security = config.linux?.security_context;
  const namespaces = security?.namespace_options;
  const users = namespaces?.userns_options;
  if (users && users.mode !== 'NODE') {
    throw new CriError('INVALID_ARGUMENT', `user namespace mode ${users.mode} is not supported by Docker`);
  }
  const hostNetwork = namespaces?.network === 'NODE';
  return {
    name: sandboxName(record.metadata),
    Image: o.image,
    // The host's UTS namespace goes with its network; Docker refuses a name for it then.
    ...(hostNetwork || config.hostname === '' ? {} : { Hostname: config.hostname }),
    Labels: encodeLabels('sandbox', record, o.owner),
    // The namespace is made by runc and set up by CNI alone. Docker's own `none` network makes it too, but by starting
    // the daemon's program again for each sandbox, which takes as long as all the rest together.
    ...(hostNetwork ? {} : { NetworkDisabled: true }),
    User: userOf(security?.run_as_user?.value, security?.run_as_group?.value),
    HostConfig: {
      NetworkMode: hostNetwork ? 'host' : 'none',
      ...(hostNetwork ? { UTSMode: 'host' } : {}),
      IpcMode: namespaces?.ipc === 'NODE' ? 'host' : 'shareable',
      PidMode: namespaces?.pid === 'NODE' ? 'host' : '',
      CgroupParent: o.cgroupParent,
      Sysctls: config.linux?.sysctls ?? {},
      SecurityOpt: security ? securityOptions({ ...security, no_new_privs: true }, o.host) : ['no-new-privileges'],
      ReadonlyRootfs: security?.readonly_rootfs ?? false,
      GroupAdd: (security?.supplemental_groups ?? []).map(String),
      OomScoreAdj: permittedOomScore(sandboxOomScore, o.host),
      CpuShares: 2,
      LogConfig: { Type: 'none', Config: {} },
      RestartPolicy: { Name: '' },
      ...(o.runtime === '' ? {} : { Runtime: o.runtime }),
    },
  };
}

function userOf(uid: number | undefined, gid: number | undefined): string {
  if (uid === undefined) return '';
  return gid === undefined ? String(uid) : `${uid}:${gid}`;
}
