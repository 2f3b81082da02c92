/** Labels and annotations the kubelet keeps on sandboxes and containers; a restarted agent reads its state from them. */
export const podNameLabel = 'io.kubernetes.pod.name';
export const podNamespaceLabel = 'io.kubernetes.pod.namespace';
export const podUidLabel = 'io.kubernetes.pod.uid';
export const containerNameLabel = 'io.kubernetes.container.name';

export const containerHashAnnotation = 'io.kubernetes.container.hash';
export const restartCountAnnotation = 'io.kubernetes.container.restartCount';
export const terminationPathAnnotation = 'io.kubernetes.container.terminationMessagePath';
export const terminationPolicyAnnotation = 'io.kubernetes.container.terminationMessagePolicy';
export const containerPortsAnnotation = 'io.kubernetes.container.ports';
export const preStopAnnotation = 'io.kubernetes.container.preStopHandler';
export const podGraceAnnotation = 'io.kubernetes.pod.terminationGracePeriod';
export const podDeletionGraceAnnotation = 'io.kubernetes.pod.deletionGracePeriod';
/** Ours: the host's side of the termination log, found again after the pod object is gone. */
export const terminationHostPathAnnotation = 'kubelab.io/termination-host-path';
