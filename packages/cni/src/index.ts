export { Cni, executionConfig } from './cni.js';
export { loadConfigDir, parseConfigList } from './conflist.js';
export { CniError, type CniErrorContext, cniErrorCode, NoNetworkConfigError } from './errors.js';
export type {
  CniAttachment,
  CniDns,
  CniInterface,
  CniIp,
  CniOptions,
  CniResult,
  CniRoute,
  NetworkConfigList,
  PluginConfig,
} from './types.js';
export { type CniVersion, formatResult, isSupportedVersion, parseResult, supportedVersions } from './version.js';
