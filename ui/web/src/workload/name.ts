// Which workload, pod or policy a filter's term is about.

/** The text of a string of the language, or a bare word. */
function unquoted(text: string): string | null {
  if (!text.startsWith('"')) return /^[\w./:-]+$/.test(text) ? text : null;
  const inner = /^"((?:[^"\\]|\\.)*)"$/s.exec(text)?.[1];
  return inner === undefined ? null : inner.replace(/\\(.)/gs, '$1');
}

/** `shop/web` of `src.workload == shop/web` or `pod == shop/web`; `null` of any other term. */
export function workloadOf(term: string): string | null {
  const text = /^(?:src\.|dst\.)?(?:workload|pod) == (.+)$/s.exec(term)?.[1];
  const name = text === undefined ? null : unquoted(text);
  return name?.includes('/') ? name : null;
}

/** The workload that terms are about: rather that than a pod of it. */
export function workloadAmong(terms: readonly string[]): string | null {
  const workloads = terms.filter((term) => term.includes('workload =='));
  for (const term of [...workloads, ...terms]) {
    const name = workloadOf(term);
    if (name !== null) return name;
  }
  return null;
}

export interface Part {
  text: string;
  /** The policy that it names. */
  policy?: string;
}

/** What is said of a decision, in parts: each of these policies where it stands in the text. */
export function withPolicies(text: string, policies: readonly string[]): Part[] {
  const parts: Part[] = [];
  let rest = text;
  while (rest) {
    const found = policies.map((policy) => ({ policy, at: rest.indexOf(policy) })).filter(({ at }) => at >= 0);
    // Of two that begin at the same place the longer one is meant.
    found.sort((one, other) => one.at - other.at || other.policy.length - one.policy.length);
    const [first] = found;
    if (!first) break;
    if (first.at > 0) parts.push({ text: rest.slice(0, first.at) });
    parts.push({ text: first.policy, policy: first.policy });
    rest = rest.slice(first.at + first.policy.length);
  }
  return rest ? [...parts, { text: rest }] : parts;
}

/** The first policy in a text: `cnp shop/db` of `cnp shop/db · default deny`. */
export function policyIn(text: string): string | null {
  return /(?:^|[\s;,(])((?:cnp|ccnp|netpol) [^\s;,·:)]+)/.exec(text)?.[1] ?? null;
}
