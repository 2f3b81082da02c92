import { CriClient } from '@kubelab/cri';

/** Throws unless a CRI runtime answers on the socket, unix:///PATH. */
export async function criAnswers(endpoint: string): Promise<void> {
  try {
    await withClient(endpoint, (client) => client.version({}));
  } catch (error) {
    throw new Error(`no container runtime (CRI v1) answers on ${endpoint}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Stops and removes all pods there are on a CRI runtime, as `kubeadm reset` does. Returns how many there were. */
export function removeCriPods(endpoint: string): Promise<number> {
  return withClient(endpoint, async (client) => {
    const { items } = await client.listPodSandbox({});
    for (const { id } of items) {
      await client.stopPodSandbox({ pod_sandbox_id: id });
      await client.removePodSandbox({ pod_sandbox_id: id });
    }
    return items.length;
  });
}

/** Calls a runtime once. */
export async function withClient<T>(endpoint: string, use: (client: CriClient) => Promise<T>): Promise<T> {
  const client = CriClient.connect(endpoint);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
