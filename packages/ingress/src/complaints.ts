import type { V1Ingress } from '@kubelab/api';

/** What is wrong with Ingresses, told once each time that it begins to be so, not at each change of the cluster. */
export class Complaints {
  private before = new Set<string>();
  private now = new Set<string>();

  constructor(private readonly tell: (ingress: V1Ingress, message: string) => void) {}

  /** To be called before all that is wrong is added. */
  begin(): void {
    this.now = new Set();
  }

  readonly add = (ingress: V1Ingress, message: string): void => {
    const key = `${ingress.metadata?.uid} ${message}`;
    if (!this.before.has(key) && !this.now.has(key)) this.tell(ingress, message);
    this.now.add(key);
  };

  /** What was not added since begin() is forgotten. */
  end(): void {
    this.before = this.now;
  }
}
