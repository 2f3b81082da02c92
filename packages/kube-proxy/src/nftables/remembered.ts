import { run } from '@kubelab/node-iptables';

/** What a set of clients had in it before it was made anew. */
export interface Remembered {
  /** The set's timeout. */
  seconds: number;
  /** Elements with what is left of their time, as nft reads them. */
  clients: string[];
}

interface ListedSet {
  name: string;
  timeout?: number;
  elem?: unknown[];
}

interface ListedClient {
  val?: string;
  /** If it is not the set's. */
  timeout?: number;
  expires?: number;
}

/** The clients that session affinity remembers in a table, by set. None if there is no such table. */
export async function rememberedClients(table: string, prefix: string[]): Promise<Map<string, Remembered>> {
  const sets = new Map<string, Remembered>();
  const { code, stdout } = await run([...prefix, 'nft', '-j', 'list', 'sets', 'table', ...table.split(' ')]);
  if (code !== 0) return sets;
  const { nftables } = JSON.parse(stdout) as { nftables: { set?: ListedSet }[] };
  for (const { set } of nftables) {
    if (!set?.name.startsWith('affinity-') || set.timeout === undefined) continue;
    const clients = (set.elem ?? []).flatMap((e) => {
      const { val, timeout = set.timeout ?? 0, expires = 0 } = (e as { elem?: ListedClient }).elem ?? {};
      const left = Math.min(expires, timeout);
      return val !== undefined && left > 0 ? [`${val} timeout ${timeout}s expires ${left}s`] : [];
    });
    if (clients.length > 0) sets.set(set.name, { seconds: set.timeout, clients });
  }
  return sets;
}
