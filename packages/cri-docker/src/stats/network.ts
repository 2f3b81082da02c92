import { readFileSync } from 'node:fs';
import type { NetworkInterfaceUsage, NetworkUsage } from '@kubelab/cri';
import { nowNanos } from '../time.js';

/** Counters of the interfaces in a process' network namespace; null when the process is gone. */
export function networkUsage(pid: number): NetworkUsage | null {
  const text = netDev(pid);
  if (text === undefined) return null;
  const interfaces = parseNetDev(text).filter((one) => one.name !== 'lo');
  const first = interfaces.find((one) => one.name === 'eth0') ?? interfaces[0];
  return { timestamp: nowNanos(), default_interface: first ?? null, interfaces };
}

function netDev(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/net/dev`, 'utf8');
  } catch {
    // The process has ended: there are as many errors for that as steps of its end.
    return undefined;
  }
}

export function parseNetDev(text: string): NetworkInterfaceUsage[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*([^:\s]+):\s*(.*)$/.exec(line);
    if (!match) return [];
    const fields = (match[2] ?? '').trim().split(/\s+/);
    const value = (index: number) => ({ value: fields[index] ?? '0' });
    return [{ name: match[1], rx_bytes: value(0), rx_errors: value(2), tx_bytes: value(8), tx_errors: value(10) }];
  });
}
