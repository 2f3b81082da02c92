/**
 * A cgroup as the kubelet thinks of it: the components of its path from the root, such as
 * ['kubepods', 'burstable', 'pod1234-ab']. What it is called on the machine is up to the cgroup driver, which both
 * sides of CRI share.
 */
export type CgroupName = readonly string[];

/** A name written as a path, as in --cgroup-root. */
export function parseCgroupName(path: string): CgroupName {
  return path.split('/').filter(Boolean);
}

/** The path of a cgroup in the tree with the cgroupfs driver. */
export function cgroupfsPath(name: CgroupName): string {
  return `/${name.join('/')}`;
}

// To systemd a dash is a step down in the tree of slices, so those of a component become underscores.
const toUnit = (component: string) => component.replaceAll('-', '_');
const fromUnit = (component: string) => component.replaceAll('_', '-');

/** systemd's unit of a cgroup: kubepods-burstable-pod1234_ab.slice. The root is `-.slice`. */
export function sliceName(name: CgroupName): string {
  return `${name.map(toUnit).join('-') || '-'}.slice`;
}

/** The path of a slice in the tree: each slice is in the one whose name it continues (systemd.slice(5)). */
export function slicePath(name: CgroupName): string {
  return `/${name.map((_, index) => sliceName(name.slice(0, index + 1))).join('/')}`;
}

/** The last component of the name of a slice directly below another; undefined when it is none. */
export function sliceComponent(parent: CgroupName, unit: string): string | undefined {
  const prefix = parent.length === 0 ? '' : `${parent.map(toUnit).join('-')}-`;
  if (!unit.startsWith(prefix) || !unit.endsWith('.slice')) return undefined;
  const component = unit.slice(prefix.length, -'.slice'.length);
  return component === '' || component.includes('-') ? undefined : fromUnit(component);
}
