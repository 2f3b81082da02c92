import { describe } from 'node:test';
import { Lab } from './testing/lab.js';
import { iptablesMode, type Mode, nftablesMode, Stage, trafficTests } from './traffic/index.js';

// Real traffic through a node in a network namespace. IPVS mode has the same cases on a kernel that has ip_vs:
// test/integration/ipvs.integration.test.ts.
const modes: Record<string, Mode> = {
  'iptables-nft': iptablesMode('nft'),
  'iptables-legacy': iptablesMode('legacy'),
  nftables: nftablesMode,
};

for (const [name, mode] of Object.entries(modes)) {
  const stage = new Stage(new Lab(`kp${process.pid}${mode.mode[0]}${mode.backend[0]}`), mode);
  describe(`traffic through ${name}`, { concurrency: false }, () => trafficTests(stage));
}
