import { UsageError } from '../command.js';

/** A part of a cluster that is in it: deploy/addons/NAME.yaml, and an image where it runs pods. */
export interface Addon {
  name: string;
  summary: string;
  /** Every cluster has it; the others are enabled by name. */
  required: boolean;
  image?: AddonImage;
}

/** An image made of this repository's own packages; it is named kubelab/NAME. */
export interface AddonImage {
  name: string;
  packages: string[];
  /** Programs of the machine that it holds, their modules and folders, and the Debian packages that have them. What is optional is left out where it can't be had. */
  programs: { path: string; debianPackage: string; optional?: boolean }[];
}

/** What every cluster has shares one image: most of it is the same, and the nodes get it faster than two. */
const systemImage: AddonImage = { name: 'system', packages: ['dns', 'metrics-server'], programs: [] };

const addons: Addon[] = [
  { name: 'dns', summary: 'Cluster DNS', required: true, image: systemImage },
  {
    name: 'metrics-server',
    summary: 'Usage of nodes and pods: kubectl top, autoscaling',
    required: true,
    image: systemImage,
  },
  { name: 'storage', summary: 'Default storage class: directories on the nodes', required: true },
  {
    name: 'ingress',
    summary: 'Ingress controller (nginx) behind a Service of type LoadBalancer',
    required: false,
    image: {
      name: 'ingress',
      packages: ['ingress'],
      programs: [
        { path: '/usr/sbin/nginx', debianPackage: 'nginx-light' },
        { path: '/usr/lib/nginx/modules/ndk_http_module.so', debianPackage: 'libnginx-mod-http-ndk', optional: true },
        {
          path: '/usr/lib/nginx/modules/ngx_http_lua_module.so',
          debianPackage: 'libnginx-mod-http-lua',
          optional: true,
        },
        // With Lua endpoints change without reloads; not every distribution has all of it. Its own library:
        { path: '/usr/share/lua/5.1/ngx', debianPackage: 'lua-resty-core', optional: true },
        { path: '/usr/share/lua/5.1/resty', debianPackage: 'lua-resty-core', optional: true },
      ],
    },
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
