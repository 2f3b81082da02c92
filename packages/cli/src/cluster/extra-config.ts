/** Flags of one process beside ours, or in the place of ours: name without dashes, value. */
export type ExtraFlags = Record<string, string>;

/** The processes that take further flags. */
export const extraConfigComponents = ['etcd', 'apiserver', 'controller-manager', 'scheduler', 'kubelet'] as const;

export type ExtraConfigComponent = (typeof extraConfigComponents)[number];

/** Flags that were given for the cluster's processes, kept with its configuration. */
export type ExtraConfig = Partial<Record<ExtraConfigComponent, ExtraFlags>>;

/**
 * Adds entries of the form COMPONENT.FLAG=VALUE, as minikube's `--extra-config` has them; one without a value takes the
 * flag back. Throws for what is none; whether there is such a flag is told by the process itself.
 */
export function withExtraConfig(known: ExtraConfig, entries: string[]): ExtraConfig {
  const result: ExtraConfig = { ...known };
  for (const entry of entries) {
    const [, component = '', flag = '', value = ''] = /^([a-z-]+)\.([a-z][a-z0-9-]*)=(.*)$/s.exec(entry) ?? [];
    if (!isComponent(component)) {
      throw new Error(
        `${JSON.stringify(entry)} is not COMPONENT.FLAG=VALUE with one of ${extraConfigComponents.join(', ')}`,
      );
    }
    const { [flag]: _, ...others } = result[component] ?? {};
    result[component] = value === '' ? others : { ...others, [flag]: value };
  }
  return result;
}

function isComponent(name: string): name is ExtraConfigComponent {
  return (extraConfigComponents as readonly string[]).includes(name);
}
