/** Lines handled between two pauses: with 80,000 rules the event loop must stay free for others. */
const SLICE = 5000;

/** The chains of one table's `iptables-save` as text: rules after `-A CHAIN `, not parsed further. */
export async function parseKernelChains(save: string): Promise<Map<string, string[]>> {
  const chains = new Map<string, string[]>();
  let start = 0;
  let count = 0;
  while (start < save.length) {
    let end = save.indexOf('\n', start);
    if (end < 0) end = save.length;
    if (save.startsWith('-A ', start)) {
      const space = save.indexOf(' ', start + 3);
      const bare = space < 0 || space > end;
      const name = save.slice(start + 3, bare ? end : space);
      chains.get(name)?.push(bare ? '' : save.slice(space + 1, end));
    } else if (save[start] === ':') {
      chains.set(save.slice(start + 1, save.indexOf(' ', start)), []);
    }
    start = end + 1;
    if (++count % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return chains;
}
