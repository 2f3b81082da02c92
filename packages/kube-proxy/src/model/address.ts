import { BlockList, isIP } from 'node:net';
import type { IpFamily } from './types.js';

/** Family of an address, or undefined if it is none. */
export function familyOf(ip: string): IpFamily | undefined {
  const v = isIP(ip);
  return v === 4 ? 'ipv4' : v === 6 ? 'ipv6' : undefined;
}

/** Family of a CIDR, or undefined if it is not valid. */
export function familyOfCidr(cidr: string): IpFamily | undefined {
  const [ip = '', length, rest] = cidr.split('/');
  const family = familyOf(ip);
  if (!family || rest !== undefined || length === undefined || !/^\d{1,3}$/.test(length)) return undefined;
  return Number(length) <= (family === 'ipv4' ? 32 : 128) ? family : undefined;
}

/** True if the address lies in the CIDR. Both must be valid; different families are never inside each other. */
export function cidrContains(cidr: string, ip: string): boolean {
  const family = familyOf(ip);
  if (!family || familyOfCidr(cidr) !== family) return false;
  const [net = '', length] = cidr.split('/');
  const list = new BlockList();
  list.addSubnet(net, Number(length), family);
  return list.check(ip, family);
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(ip: string): boolean {
  return cidrContains('127.0.0.0/8', ip) || ip === '::1';
}
