import type { KeyPair } from '@kubelab/pki';

/** The manager's options after defaults and checks. Durations in milliseconds. */
export interface ManagerOptions {
  clusterName: string;
  allocateNodeCidrs: boolean;
  /** One CIDR, or two of different families for dual-stack. */
  clusterCidrs: string[];
  serviceCidrs: string[];
  /** IPv4 CIDRs or ranges for Services of type LoadBalancer; empty: the nodes' own addresses. */
  loadBalancerPool: string[];
  nodeCidrMaskSizeIpv4: number;
  nodeCidrMaskSizeIpv6: number;
  /** PEM bundle for kube-root-ca.crt and legacy token secrets. */
  rootCaPem?: string;
  /** PEM private key that signs legacy service account tokens. */
  serviceAccountPrivateKeyPem?: string;
  /** Authority of the CSR signers. */
  signingCa?: KeyPair;
  clusterSigningDurationMs: number;
  nodeMonitorPeriodMs: number;
  nodeMonitorGracePeriodMs: number;
  nodeStartupGracePeriodMs: number;
  nodeEvictionRate: number;
  secondaryNodeEvictionRate: number;
  unhealthyZoneThreshold: number;
  largeClusterSizeThreshold: number;
  terminatedPodGcThreshold: number;
  horizontalPodAutoscalerSyncPeriodMs: number;
  horizontalPodAutoscalerDownscaleStabilizationMs: number;
  horizontalPodAutoscalerTolerance: number;
  horizontalPodAutoscalerCpuInitializationPeriodMs: number;
  horizontalPodAutoscalerInitialReadinessDelayMs: number;
  enableHostPathProvisioner: boolean;
  /** Directory under which provisioned volumes lie. */
  hostPathProvisionerDir: string;
  /** Image with mkdir and rm that is on the nodes: makes and removes these directories there. */
  hostPathProvisionerImage: string;
  resourceQuotaSyncPeriodMs: number;
  legacyServiceAccountTokenCleanUpPeriodMs: number;
  maxEndpointsPerSlice: number;
  mirroringMaxEndpointsPerSubset: number;
  concurrentSyncs: number;
}
