import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { KubeconfigWebhook } from '../webhook-kubeconfig.js';
import type { AdmissionPlugin } from './plugin.js';
import type { EventLimit } from './plugins/event-rate-limit.js';
import { ImagePolicyWebhook } from './plugins/image-policy.js';
import type { PodSecurityConfiguration } from './plugins/pod-security.js';

interface PluginEntry {
  name?: string;
  path?: string;
  configuration?: Record<string, unknown>;
}

/** What --admission-control-config-file says about the plugins that take a configuration. */
export interface AdmissionConfiguration {
  eventLimits?: EventLimit[];
  podSecurity?: PodSecurityConfiguration;
  extra: Record<string, AdmissionPlugin>;
}

interface ImagePolicyFile {
  imagePolicy?: {
    kubeConfigFile?: string;
    allowTTL?: number;
    denyTTL?: number;
    defaultAllow?: boolean;
  };
}

/** Reads an AdmissionConfiguration with the files it names. @throws Error for one that cannot be understood */
export function readAdmissionConfiguration(path: string | undefined): AdmissionConfiguration {
  const out: AdmissionConfiguration = { extra: {} };
  if (!path) return out;
  const file = (parse(readFileSync(path, 'utf8')) ?? {}) as { kind?: string; plugins?: PluginEntry[] };
  if (file.kind !== 'AdmissionConfiguration') throw new Error(`${path}: not an AdmissionConfiguration`);
  for (const entry of file.plugins ?? []) {
    const at = entry.path ? resolve(dirname(path), entry.path) : path;
    const configuration = entry.configuration ?? (entry.path ? parse(readFileSync(at, 'utf8')) : undefined) ?? {};
    switch (entry.name) {
      case 'EventRateLimit':
        out.eventLimits = (configuration as { limits?: EventLimit[] }).limits ?? [];
        break;
      case 'ImagePolicyWebhook':
        out.extra.ImagePolicyWebhook = imagePolicy(configuration as ImagePolicyFile, dirname(at));
        break;
      case 'PodSecurity':
        out.podSecurity = configuration as PodSecurityConfiguration;
        break;
      default:
        throw new Error(`${path}: the admission plugin ${entry.name} takes no configuration`);
    }
  }
  return out;
}

function imagePolicy({ imagePolicy: o = {} }: ImagePolicyFile, directory: string): ImagePolicyWebhook {
  if (!o.kubeConfigFile) throw new Error('ImagePolicyWebhook: no kubeConfigFile');
  return new ImagePolicyWebhook({
    webhook: new KubeconfigWebhook(resolve(directory, o.kubeConfigFile)),
    defaultAllow: o.defaultAllow === true,
    allowTtlMs: (o.allowTTL ?? 300) * 1000,
    denyTtlMs: (o.denyTTL ?? 30) * 1000,
  });
}
