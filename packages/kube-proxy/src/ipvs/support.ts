import { IptablesError, run } from '@kubelab/node-iptables';
import { parseVirtuals } from './ipvsadm.js';
import { dummyDevice } from './names.js';
import { defaultScheduler, type IpvsOptions } from './options.js';

/** The machine can't do IPVS mode. */
export class IpvsUnsupportedError extends Error {
  constructor(why: string) {
    super(`can't use the IPVS proxier: ${why}`);
    this.name = 'IpvsUnsupportedError';
  }
}

/** Of TEST-NET-2 (RFC 5737), which no machine uses: what kube-proxy tries schedulers with. */
const trial = '-t 198.51.100.0:20000';

/**
 * Makes sure that the kernel has IPVS and the scheduler, as kube-proxy does: by making a virtual server, unless there
 * is one with that scheduler. Loads modules as a side effect. Throws IpvsUnsupportedError.
 */
export async function checkIpvsSupport(scheduler = defaultScheduler, prefix: string[] = []): Promise<void> {
  if (!/^[a-z0-9_]+$/.test(scheduler))
    throw new IpvsUnsupportedError(`scheduler ${JSON.stringify(scheduler)} is no name`);
  const tool = async (name: string, ...args: string[]) => {
    try {
      const result = await run([...prefix, name, ...args]);
      // By `env` or `ip netns exec` the lack of a program is a status.
      if (result.code === 127 || /exec of "\S+" failed/.test(result.stderr)) throw missing(name);
      return result;
    } catch (error) {
      if (error instanceof IptablesError) throw missing(name);
      throw error;
    }
  };
  const ipset = await tool('ipset', '--version');
  if (ipset.code !== 0) throw new IpvsUnsupportedError(`ipset does not work: ${firstLine(ipset.stderr)}`);
  const list = await tool('ipvsadm', '-Sn');
  if (list.code !== 0) {
    throw new IpvsUnsupportedError(`the kernel has no ip_vs (IP Virtual Server): ${lastReason(list.stderr)}`);
  }
  for (const v of parseVirtuals(list.stdout).values()) if (v.options.split(' ')[1] === scheduler) return;
  const added = await tool('ipvsadm', '-A', ...trial.split(' '), '-s', scheduler);
  if (added.code !== 0)
    throw new IpvsUnsupportedError(`scheduler ${JSON.stringify(scheduler)}: ${firstLine(added.stderr)}`);
  await tool('ipvsadm', '-D', ...trial.split(' '));
}

const missing = (name: string) =>
  new IpvsUnsupportedError(`the command ${name} is not installed (Debian's and Ubuntu's package ${name})`);

const firstLine = (text: string) => text.trim().split('\n')[0] ?? '';

/** ipvsadm's own reason, behind what modprobe said. */
function lastReason(text: string): string {
  return /Can't initialize ipvs: .*/.exec(text)?.[0] ?? firstLine(text);
}

/** Sets the kernel's switches that the mode needs, and the timeouts asked for. */
export async function configureIpvs(o: IpvsOptions, prefix: string[] = []): Promise<void> {
  // Made here and now, so that a kernel without such devices is told of at the start.
  const device = await run([...prefix, 'ip', 'link', 'add', dummyDevice, 'type', 'dummy']);
  if (device.code !== 0 && !/File exists/.test(device.stderr))
    throw new IpvsUnsupportedError(`the device ${dummyDevice} can't be made: ${firstLine(device.stderr)}`);
  const settings = [
    // Packets of IPVS get conntrack entries, by which rules and masquerading see them.
    'net.ipv4.vs.conntrack=1',
    // Flows to a real server that is gone go to another one, instead of being dropped until they time out.
    'net.ipv4.vs.expire_nodest_conn=1',
    // And clients with affinity to one that is leaving.
    'net.ipv4.vs.expire_quiescent_template=1',
    'net.ipv4.ip_forward=1',
    ...(o.strictArp ? ['net.ipv4.conf.all.arp_ignore=1', 'net.ipv4.conf.all.arp_announce=2'] : []),
  ];
  await must([...prefix, 'sysctl', '-qw', ...settings]);
  const timeouts = [o.tcpTimeout ?? 0, o.tcpFinTimeout ?? 0, o.udpTimeout ?? 0].map((s) => String(Math.round(s)));
  if (timeouts.some((t) => t !== '0')) await must([...prefix, 'ipvsadm', '--set', ...timeouts]);
}

async function must(argv: string[]): Promise<void> {
  const { code, stderr } = await run(argv);
  if (code !== 0) throw new IptablesError(argv.join(' '), code, stderr);
}
