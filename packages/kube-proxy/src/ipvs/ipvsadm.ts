/** A virtual server in the kernel: its options as ipvsadm shows them, and the weights of its real servers. */
export interface KernelVirtual {
  options: string;
  reals: Map<string, number>;
}

/** True if the key of a virtual server (`-t [fd00::1]:80`) is of IPv6. */
export const isIpv6Key = (key: string) => key.includes(' [');

/** The address in the key of a virtual server. */
export function addressOf(key: string): string {
  return /\[(.+)\]/.exec(key)?.[1] ?? key.replace(/^\S+ /, '').replace(/:\d+$/, '');
}

/**
 * Virtual servers by key from `ipvsadm -Sn`: `-A -t 10.96.0.1:80 -s rr -p 10800` and
 * `-a -t 10.96.0.1:80 -r 10.244.0.5:8080 -m -w 1`. Those of firewall marks (`-f`), never ours, are left out.
 */
export function parseVirtuals(save: string): Map<string, KernelVirtual> {
  const out = new Map<string, KernelVirtual>();
  for (const line of save.split('\n')) {
    const [op, flag, address, ...rest] = line.trim().split(/\s+/);
    if (!address || !flag || flag === '-f') continue;
    const key = `${flag} ${address}`;
    if (op === '-A') out.set(key, { options: rest.join(' '), reals: new Map() });
    else if (op === '-a') {
      const value = (name: string) => rest[rest.indexOf(name) + 1] ?? '';
      out.get(key)?.reals.set(value('-r'), Number(value('-w')));
    }
  }
  return out;
}

const flagOf: Record<string, string> = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' };

/** Active and inactive connections of each real server, by the key of its virtual server, from `ipvsadm -Ln`. */
export function parseConnections(list: string): Map<string, Map<string, number>> {
  const out = new Map<string, Map<string, number>>();
  let current: Map<string, number> | undefined;
  for (const line of list.split('\n')) {
    const words = line.trim().split(/\s+/);
    if (words[0] === '->') current?.set(words[1] ?? '', Number(words[4]) + Number(words[5]));
    else if (flagOf[words[0] ?? '']) {
      current = new Map();
      out.set(`${flagOf[words[0] ?? '']} ${words[1]}`, current);
    } else current = undefined;
  }
  return out;
}
