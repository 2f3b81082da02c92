import type { V1HostAlias } from '@kubelab/api';
import type { PodHostname } from './hostname.js';

const header = '# Kubernetes-managed hosts file.';
const hostHeader = '# Kubernetes-managed hosts file (host network).';

function aliasLines(aliases: V1HostAlias[]): string {
  if (aliases.length === 0) return '';
  const lines = aliases.map((alias) => `${alias.ip}\t${(alias.hostnames ?? []).join('\t')}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join('')}`;
}

/** /etc/hosts of a pod with its own network. */
export function podHosts(ips: string[], name: PodHostname, aliases: V1HostAlias[]): string {
  const own = ips.map((ip) =>
    name.domain ? `${ip}\t${name.hostname}.${name.domain}\t${name.hostname}\n` : `${ip}\t${name.hostname}\n`,
  );
  return [
    `${header}\n`,
    '127.0.0.1\tlocalhost\n',
    '::1\tlocalhost ip6-localhost ip6-loopback\n',
    'fe00::0\tip6-localnet\n',
    'fe00::0\tip6-mcastprefix\n',
    'fe00::1\tip6-allnodes\n',
    'fe00::2\tip6-allrouters\n',
    ...own,
    aliasLines(aliases),
  ].join('');
}

/** /etc/hosts of a host-network pod: the node's own with the aliases behind it. */
export function hostNetworkHosts(hostFile: string, aliases: V1HostAlias[]): string {
  return `${hostHeader}\n${hostFile}${aliasLines(aliases)}`;
}
