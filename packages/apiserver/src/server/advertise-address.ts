import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';

const unspecified = ['', '0.0.0.0', '::'];

/**
 * The address by which others reach this server: --advertise-address, else --bind-address, else that of the interface
 * with the default route (kube-apiserver's order). Throws when there is none.
 */
export function advertiseAddress(asked: string | undefined, bindAddress: string): string {
  if (asked) return asked;
  if (!unspecified.includes(bindAddress)) return bindAddress;
  const all = networkInterfaces();
  const candidates = [defaultInterface(), ...Object.keys(all)].flatMap((name) => all[name ?? ''] ?? []);
  const found = candidates.find(({ address, internal }) => !internal && isIPv4(address));
  if (!found) throw new Error('this machine has no address of its own: --advertise-address is needed');
  return found.address;
}

/** The interface whose destination and mask are 0 in the kernel's table of routes. */
function defaultInterface(): string | undefined {
  const routes = readFileSync('/proc/net/route', 'utf8').split('\n').slice(1);
  return routes
    .map((line) => line.split('\t'))
    .find((fields) => Number(`0x${fields[1]}`) === 0 && fields[7] === '00000000')?.[0];
}
