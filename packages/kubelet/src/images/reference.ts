const domainLike = /[.:]|^localhost$/;
const grammar =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$/;

export interface ImageReference {
  /** `docker.io` when none is named. */
  registry: string;
  /** With `library/` for Docker Hub's own images. */
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
}

/** Parses an image name by the distribution reference grammar. Throws the kubelet's message when it does not match. */
export function parseImage(image: string): ImageReference {
  if (!grammar.test(image)) throw new Error(`couldn't parse image name "${image}": invalid reference format`);
  const [name = '', digest] = image.split('@');
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasRegistry = slash >= 0 && domainLike.test(first);
  const registry = hasRegistry ? first : 'docker.io';
  const rest = hasRegistry ? name.slice(slash + 1) : name;
  const colon = rest.lastIndexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  return {
    registry: registry === 'index.docker.io' ? 'docker.io' : registry,
    repository: registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path,
    tag: colon < 0 ? undefined : rest.slice(colon + 1),
    digest,
  };
}

/** Adds `:latest` to a name with neither tag nor digest, as the kubelet's applyDefaultImageTag. */
export function withDefaultTag(image: string): string {
  const { tag, digest } = parseImage(image);
  return tag || digest ? image : `${image}:latest`;
}

/** The pull policy when none is set: Always for `latest`, IfNotPresent otherwise. The API defaults it; static pods may not. */
export function pullPolicy(policy: string | undefined, image: string): string {
  if (policy) return policy;
  const { tag, digest } = parseImage(image);
  return !digest && (tag === undefined || tag === 'latest') ? 'Always' : 'IfNotPresent';
}
