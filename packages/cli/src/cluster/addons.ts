import { UsageError } from '../command.js';

/** A part of a cluster that runs in it: deploy/addons/NAME.yaml, and the image of the package of the same name. */
export interface Addon {
  name: string;
  summary: string;
  /** Every cluster has it; the others are enabled by name. */
  required: boolean;
  /** Programs of the machine that its image holds, and the Debian packages that have them. */
  programs: { path: string; debianPackage: string }[];
}

const addons: Addon[] = [
  { name: 'dns', summary: 'Cluster DNS', required: true, programs: [] },
  {
    name: 'ingress',
    summary: 'Ingress controller (nginx) behind a Service of type LoadBalancer',
    required: false,
    programs: [{ path: '/usr/sbin/nginx', debianPackage: 'nginx-light' }],
  },
];

export function allAddons(): Addon[] {
  return addons;
}

/** The required addons and those named. Throws a UsageError for a name that is none. */
export function addonsOf(names: string[]): Addon[] {
  checkAddonNames(names);
  return addons.filter((addon) => addon.required || names.includes(addon.name));
}

/** Throws a UsageError for a name that is no addon. */
export function checkAddonNames(names: string[]): void {
  const unknown = names.find((name) => !addons.some((addon) => addon.name === name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no addon ${unknown}; there are ${addons.map((addon) => addon.name).join(', ')}`);
  }
}
