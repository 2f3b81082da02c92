/** A valid address as Go prints it: URL's parser knows every spelling and writes the canonical one. */
export function canonicalIp(ip: string): string {
  return ip.includes(':') ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;
}

/** A valid address as a text of zeros and ones. */
function addressBits(ip: string): string {
  if (!ip.includes(':'))
    return ip
      .split('.')
      .map((octet) => Number(octet).toString(2).padStart(8, '0'))
      .join('');
  const [left = [], right = []] = canonicalIp(ip)
    .split('::')
    .map((part) => part.split(':').filter(Boolean));
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('');
}

/** The address that such bits are of. */
function addressOfBits(bits: string): string {
  if (bits.length === 32) return (bits.match(/.{8}/g) ?? []).map((b) => Number.parseInt(b, 2)).join('.');
  return canonicalIp((bits.match(/.{16}/g) ?? []).map((b) => Number.parseInt(b, 2).toString(16)).join(':'));
}

/**
 * What a valid CIDR says: its canonical spelling, and where bits behind the prefix are set, the network and the single
 * address that may be meant.
 */
export function cidrFacts(cidr: string): { canonical: string; network?: string; host?: string } {
  const [address = '', length = ''] = cidr.split('/');
  const canonical = `${canonicalIp(address)}/${Number(length)}`;
  const bits = addressBits(address);
  const prefix = bits.slice(0, Number(length));
  if (!bits.slice(prefix.length).includes('1')) return { canonical };
  const network = `${addressOfBits(prefix.padEnd(bits.length, '0'))}/${prefix.length}`;
  return { canonical, network, host: `${canonicalIp(address)}/${bits.length}` };
}
