import type { V1Ingress, V1IngressClass } from '@kubelab/api';

/** IngressClasses with this controller are served here. */
export const controllerName = 'kubelab.io/ingress-nginx';
const legacyAnnotation = 'kubernetes.io/ingress.class';
const defaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';

/** True if the Ingress is for this controller: by its class, or without one if our class is the default. */
export function isServed(ingress: V1Ingress, classes: V1IngressClass[]): boolean {
  const ours = classes.filter((c) => c.spec?.controller === controllerName);
  // The annotation is older than the field and, where both are, the field counts.
  const wanted = ingress.spec?.ingressClassName ?? ingress.metadata?.annotations?.[legacyAnnotation];
  if (wanted !== undefined) return ours.some((c) => c.metadata?.name === wanted);
  return ours.some((c) => c.metadata?.annotations?.[defaultAnnotation] === 'true');
}
