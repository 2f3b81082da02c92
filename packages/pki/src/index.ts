export { type CertificateSpec, createCa, selfSigned, signCertificate } from './certificates.js';
export { type CsrSpec, createCsr, type ParsedCsr, parseCsr, type SignCsrOptions, signCsr } from './csr.js';
export { keyPairPaths, readKeyPair, writeKeyPair, writePublicFile, writeSecretFile } from './files.js';
export { caCertHash, generateServiceAccountKeys, type KeyPair } from './key-pair.js';
export { type KubeconfigSpec, kubeconfig } from './kubeconfig.js';
