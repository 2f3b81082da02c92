const names: Record<number, string> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  13: 'HINFO',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  251: 'IXFR',
  252: 'AXFR',
  255: 'ANY',
};

/** Name of a record type; those that no record of ours has are all `OTHER`. */
export function typeName(type: number): string {
  return names[type] ?? 'OTHER';
}
