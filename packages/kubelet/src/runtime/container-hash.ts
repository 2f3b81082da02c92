import type { V1Container } from '@kubelab/api';
import { fnv32a } from '@kubelab/apimachinery';

/** Hash of what may not change in a running container: its name and image, as the kubelet's since 1.31. */
export function containerHash(container: V1Container): string {
  return fnv32a(JSON.stringify({ name: container.name, image: container.image })).toString(16);
}
