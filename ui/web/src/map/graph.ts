// What the map draws, out of what the server counted: cards (workloads, or a closed namespace as one)
// and the edges between them.

import type { MapEdge, MapNode, ServiceMap } from '../openapi';

/** Ports that a card lists; the others are in its last line. */
export const PORTS = 5;

export interface Traffic {
  flows: number;
  dropped: number;
  connections: number;
  bytes: number;
  /** Requests of layer 7 on them that no rule allowed. */
  denied: number;
}

/** What is said no to: connections or flows, and requests. */
export function refused({ dropped, denied }: Pick<Traffic, 'dropped' | 'denied'>): number {
  return dropped + denied;
}

/** Requests that a proxy judged. */
export interface Carried {
  total: number;
  failed: number;
  /** Milliseconds that half of the answers didn't exceed: of the quickest and of the slowest of the edges that are drawn as one. */
  latency: [least: number, most: number] | null;
}

export interface Port extends Traffic {
  /** `5432/TCP`; empty for what is not listed by itself. */
  name: string;
}

export interface Card {
  id: string;
  /** The namespace's box it stands in; empty if in none. */
  group: string;
  kind: MapNode['kind'] | 'namespace';
  title: string;
  /** What it is asked for, the busiest first. */
  ports: Port[];
  term: string;
  /** Of a closed namespace: how many workloads are in it. */
  members: number;
  inward: Traffic;
  outward: Traffic;
}

export interface Edge extends Traffic {
  id: string;
  source: string;
  destination: string;
  /** Line of the destination's card: index of the port; -1 for the card as a whole. */
  port: number;
  label: string;
  reasons: string[];
  /** What a proxy read that was asked: `HTTP GET`; how often. */
  requests: Map<string, number>;
  carried: Carried;
  terms: string[];
}

export interface Graph {
  cards: Card[];
  edges: Edge[];
  /** Names of the open namespaces. */
  groups: string[];
}

export const none = (): Traffic => ({ flows: 0, dropped: 0, connections: 0, bytes: 0, denied: 0 });

/** What an edge of the server's adds. */
function of({ flows, dropped, connections, bytes, carried }: MapEdge): Traffic {
  return { flows, dropped, connections, bytes, denied: carried?.denied ?? 0 };
}

export function add(to: Traffic, from: Traffic | MapEdge): void {
  const { flows, dropped, connections, bytes, denied } = 'denied' in from ? from : of(from);
  to.denied += denied;
  to.flows += flows;
  to.dropped += dropped;
  to.connections += connections;
  to.bytes += bytes;
}

/** `open`: the namespaces that are. */
export function graph(map: Pick<ServiceMap, 'nodes' | 'edges'>, open: ReadonlySet<string>): Graph {
  const groups = new Set<string>();
  const cards = new Map<string, Card>();
  /** From the server's nodes to cards. */
  const card = new Map<string, Card>();
  for (const { id, kind, namespace, name, term } of map.nodes) {
    const shut = namespace !== '' && !open.has(namespace);
    if (namespace && !shut) groups.add(namespace);
    const key = shut ? `ns:${namespace}` : id;
    let at = cards.get(key);
    if (!at) {
      at = {
        id: key,
        group: shut ? '' : namespace,
        kind: shut ? 'namespace' : kind,
        title: shut ? namespace : name,
        ports: [],
        term,
        members: 0,
        inward: none(),
        outward: none(),
      };
      cards.set(key, at);
    }
    at.members++;
    card.set(id, at);
  }

  const ports = new Map<Card, Map<string, Port>>();
  const ends: { edge: MapEdge; from: Card; to: Card }[] = [];
  for (const edge of map.edges) {
    const [from, to] = [card.get(edge.source), card.get(edge.destination)];
    if (!from || !to) continue;
    // What stays within a closed namespace has no line.
    if (from === to && from.kind === 'namespace') continue;
    ends.push({ edge, from, to });
    add(from.outward, edge);
    add(to.inward, edge);
    if (to.kind === 'namespace') continue;
    let lines = ports.get(to);
    if (!lines) ports.set(to, (lines = new Map()));
    let port = lines.get(edge.port);
    if (!port) lines.set(edge.port, (port = { name: edge.port, ...none() }));
    add(port, edge);
  }
  for (const [at, lines] of ports) {
    const all = [...lines.values()];
    // By name: a line that moves whenever another gets busier can't be read.
    const listed = new Set(
      [...all].sort((a, b) => b.flows - a.flows || order(a.name, b.name)).slice(0, all.length > PORTS ? PORTS - 1 : PORTS),
    );
    at.ports = all.filter((port) => listed.has(port)).sort((a, b) => order(a.name, b.name));
    if (all.length > listed.size) {
      const rest = { name: '', ...none() };
      for (const port of all) if (!listed.has(port)) add(rest, port);
      at.ports.push(rest);
    }
  }

  const edges = new Map<string, Edge>();
  for (const { edge, from, to } of ends) {
    let port = to.ports.findIndex(({ name }) => name === edge.port);
    if (port < 0) port = to.ports.length - 1; // The line of the rest; -1 for a namespace.
    const id = `${from.id} ${to.id} ${port}`;
    let at = edges.get(id);
    if (!at) {
      const label = to.ports[port]?.name ?? '';
      at = { id, source: from.id, destination: to.id, port, label, reasons: [], requests: new Map(), carried: { total: 0, failed: 0, latency: null }, terms: [], ...none() };
      edges.set(id, at);
    }
    add(at, edge);
    for (const reason of edge.reasons ?? []) if (!at.reasons.includes(reason)) at.reasons.push(reason);
    for (const { name, flows } of edge.requests ?? []) at.requests.set(name, (at.requests.get(name) ?? 0) + flows);
    if (edge.carried) carry(at.carried, edge.carried);
    if (at.terms.length < 8) at.terms.push(edge.term);
  }
  return {
    cards: sorted([...cards.values()]),
    edges: [...edges.values()],
    groups: [...groups].sort(order),
  };
}

function carry(to: Carried, { total, failed, latency }: NonNullable<MapEdge['carried']>): void {
  to.total += total;
  to.failed += failed;
  if (latency === undefined) return;
  const [least, most] = to.latency ?? [latency, latency];
  to.latency = [Math.min(least, latency), Math.max(most, latency)];
}

/** `HTTP GET, POST · DNS A`: the protocols that were spoken, each with what was asked most. */
export function spoken(requests: ReadonlyMap<string, number>, most = 3): string {
  const protocols = new Map<string, string[]>();
  const sorted = [...requests].sort(([a, m], [b, n]) => n - m || order(a, b)).map(([name]) => name);
  for (const name of sorted.slice(0, most)) {
    const [protocol = '', ...kind] = name.split(' ');
    protocols.set(protocol, [...(protocols.get(protocol) ?? []), kind.join(' ')]);
  }
  const words = [...protocols].map(([protocol, kinds]) => `${protocol} ${kinds.join(', ')}`.trim());
  return words.join(' · ') + (requests.size > most ? ', …' : '');
}

/** Names in the order in which they were put last; most often nothing has come since. */
let ranks = new Map<string, number>();

/** Cards by namespace and name. */
function sorted(cards: Card[]): Card[] {
  const rank = ({ id }: Card) => ranks.get(id) ?? 0;
  if (cards.every(({ id }) => ranks.has(id))) return cards.sort((a, b) => rank(a) - rank(b));
  cards.sort((a, b) => order(a.group, b.group) || order(a.title, b.title));
  ranks = new Map(cards.map(({ id }, at) => [id, at]));
  return cards;
}

/** Made once: thousands of names are compared. */
const ORDER = new Intl.Collator('en', { numeric: true });

export function order(a: string, b: string): number {
  return ORDER.compare(a, b);
}
