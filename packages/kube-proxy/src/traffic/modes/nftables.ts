import type { Lab } from '../../testing/lab.js';
import type { Mode } from '../stage.js';
import { addForeign, keepsForeign } from './foreign.js';

const backend = 'nft';

/** The tables of this mode in both families; nothing where there are none. */
function tables(lab: Lab): string {
  const names = lab.run('nft', 'list', 'tables').match(/^table ip6? kube-proxy$/gm) ?? [];
  return names.map((name) => lab.run('nft', 'list', ...name.split(' '))).join('');
}

export const nftablesMode: Mode = {
  mode: 'nftables',
  backend,
  // Somebody else's flush is noticed in that time.
  options: { syncPeriodMs: 200 },
  prepare: (lab) => addForeign(lab, backend),
  shown: tables,
  shownOf: (lab, clusterIP) => {
    const elements = new RegExp(`${clusterIP.replaceAll('.', '\\.')} \\.[^,}]*`, 'g');
    return (tables(lab).match(elements) ?? []).map((e) => e.trim()).sort();
  },
  sctp: {
    served: [/10\.96\.0\.22 \. sctp \. 3868[^,}]* : (goto|10\.244)/, /sctp \. 30022[^,}]* : (goto|10\.244)/],
    refused: /10\.96\.0\.22 \. sctp \. 3868[^,}]* : goto reject-chain/,
  },
  takeAways: [
    async ({ lab }) => void lab.run('nft', 'flush', 'table', 'ip', 'kube-proxy'),
    async ({ lab }) => {
      lab.run('nft', 'flush', 'ruleset');
      addForeign(lab, backend);
    },
  ],
  keepsOthers: (lab) => keepsForeign(lab, backend),
  cases: [],
};
