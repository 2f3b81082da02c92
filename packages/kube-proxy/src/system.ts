import { run } from '@kubelab/node-iptables';
import type { NodePortAddresses } from './node-port-addresses.js';
import type { ProxyOptions } from './options.js';

/** Only iptables mode has node ports on localhost, as kube-proxy's, and IPv4 alone: elsewhere route_localnet stays off. */
export function usesLocalhostNodePorts(
  o: Pick<ProxyOptions, 'mode' | 'localhostNodePorts'>,
  at: NodePortAddresses,
): boolean {
  return (o.localhostNodePorts ?? true) && (o.mode ?? 'iptables') === 'iptables' && at.hasLoopback;
}

/** Lets packets to 127.0.0.1:NODEPORT leave lo after DNAT. KUBE-FIREWALL closes what this opens. */
export async function setRouteLocalnet(prefix: string[]): Promise<void> {
  const { code, stderr } = await run([...prefix, 'sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1']);
  if (code !== 0) throw new Error(`setting net.ipv4.conf.all.route_localnet failed: ${stderr.trim()}`);
}

/** Whether the kernel finds only RSTs outside of the window invalid: then what is invalid is not dropped (k8s #117924). */
export async function isConntrackLiberal(prefix: string[]): Promise<boolean> {
  const { code, stdout } = await run([...prefix, 'sysctl', '-n', 'net.netfilter.nf_conntrack_tcp_be_liberal']);
  // Without conntrack there is no such setting.
  return code === 0 && stdout.trim() !== '0';
}
