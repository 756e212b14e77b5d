// The messages of the API: ui/openapi.yaml says what each field means.

export type Verdict =
  | 'VERDICT_UNKNOWN'
  | 'FORWARDED'
  | 'DROPPED'
  | 'ERROR'
  | 'AUDIT'
  | 'REDIRECTED'
  | 'TRACED'
  | 'TRANSLATED';

export interface ExpressionError {
  filter: number;
  column: number;
  length: number;
  message: string;
  suggestion?: string;
}

export interface Problem {
  title: string;
  status: number;
  detail: string;
  parameter?: string;
  expression?: ExpressionError;
}

export interface Completion {
  start: number;
  end: number;
  insert: string;
  label: string;
  kind: 'field' | 'operator' | 'value' | 'keyword';
  detail?: string;
}

export interface Column {
  name: string;
  heading: string;
  width: number;
  help: string;
  default: boolean;
  number: boolean;
}

export interface Row {
  seq: number;
  /** Of a flow: names it in every run of flows-ui. */
  id?: string;
  time: number;
  kind: 'flow' | 'loss';
  verdict?: Verdict;
  cells: string[];
  lost?: number;
}

export interface Rows {
  rows: Row[];
  columns: string[];
  total: number;
  flows: number;
  first: number;
  at: number;
}

export interface Fact {
  group: 'flow' | 'source' | 'destination' | 'policy' | 'connection' | 'observed';
  name: string;
  text: string;
  term?: string;
}

export interface Details {
  row: Row;
  columns: string[];
  flow: Record<string, unknown>;
  extension: Record<string, unknown> | null;
  facts: Fact[];
  terms: Record<string, string[]>;
  connection: Row[];
}

// What follows is flows.v1 of proto/flows/v1/policy.proto in JSON: what is empty is left out.

/** Left out if it isn't known. */
export type Direction = 'INGRESS' | 'EGRESS';

/** Where a rule stands in its policy's object. */
export interface RulePath {
  /** Absent: in `spec`, otherwise in one of `specs`. */
  spec_index?: number;
  /** Absent: the spec itself. */
  list?: 'INGRESS' | 'INGRESS_DENY' | 'EGRESS' | 'EGRESS_DENY';
  index?: number;
}

export interface RuleFinding {
  path?: RulePath;
  deny?: boolean;
  text?: string;
  matched?: boolean;
  failed?: string[];
}

export interface PolicyFinding {
  policy?: string;
  version?: string;
  place?: string;
  default_deny?: boolean;
  rules?: RuleFinding[];
}

export interface Judgement {
  direction?: Direction;
  verdict?: Verdict;
  reason?: string;
  text?: string;
  policies?: PolicyFinding[];
}

export interface Trace {
  verdict?: 'ALLOWED' | 'DENIED' | 'UNKNOWN';
  source?: { name?: string };
  destination?: { name?: string };
  egress?: Judgement;
  ingress?: Judgement;
  notes?: string[];
  suggestions?: { policy?: string; text?: string; yaml?: string }[];
}

export interface InvolvedPolicy {
  policy?: string;
  kind?: 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy' | 'NetworkPolicy';
  decided?: boolean;
  version?: string;
  present_version?: string;
  in_force?: boolean;
  stale?: boolean;
  place?: string;
  yaml?: string;
  meaning?: string;
}

export interface ExplainAnswer {
  headline?: string;
  recorded?: { verdict?: Verdict; direction?: Direction; end?: string; text?: string; node_name?: string; revision?: number };
  now?: Trace;
  differs?: boolean;
  changes?: string[];
  policies?: InvolvedPolicy[];
  command?: string;
  /** Something other than a policy dropped it. */
  not_policy?: boolean;
  notes?: string[];
  node_name?: string;
  revision?: number;
}

export interface Explanation {
  available: boolean;
  why?: string;
  answer?: ExplainAnswer;
}

export interface Histogram {
  start: number;
  width: number;
  passed: number[];
  dropped: number[];
  lost: number[];
  /** Times of which there are no data from a node; of all if it has no name. */
  outages: { node: string; since: number; until: number }[];
}

export type NodeKind = 'workload' | 'pod' | 'service' | 'world' | 'host' | 'dns' | 'entity' | 'address';

export interface MapNode {
  id: string;
  kind: NodeKind;
  namespace: string;
  name: string;
  term: string;
}

export interface MapEdge {
  source: string;
  destination: string;
  port: string;
  flows: number;
  dropped: number;
  connections: number;
  bytes: number;
  reasons?: string[];
  requests?: { name: string; flows: number }[];
  term: string;
}

export interface ServiceMap {
  seconds: number;
  nodes: MapNode[];
  edges: MapEdge[];
  hidden: number;
}

export interface Update {
  at: number;
  first: number;
  total: number;
  flows: number;
  matched: number;
  newer: number;
  rows: Row[];
  columns: string[];
  /** Left out while it is not known. */
  rate?: number;
  coalesced: number;
}

export type LinkState = 'connecting' | 'live' | 'lost' | 'ended' | 'failed';

/** Whether there are older flows than those that are held. */
export type Older = 'more' | 'begins' | 'full';

export interface Fetched {
  added: number;
  first: number;
  oldest?: number;
  older: Older;
}

export interface Loss {
  stage: string;
  count: number;
  text: string;
}

export interface NodeStatus {
  name: string;
  state: string;
  version?: string;
  uptime_seconds?: number;
  flows_held?: number;
  flows_max?: number;
  flows_seen?: number;
  rate?: number;
  lag_ms?: number;
  policies?: number;
  lost: number;
  losses: Loss[];
  message?: string;
}

export interface Status {
  started: number;
  source: string;
  link: { state: LinkState; since?: number; retry_in?: number; why?: string };
  server: { kind: 'flows' | 'hubble' | 'file' | 'unknown'; version: string };
  held: {
    flows: number;
    oldest?: number;
    newest?: number;
    older: Older;
    capacity: number;
    first: number;
    at: number;
    evicted: number;
  };
  lost: number;
  /** How many of them have a mark among the flows. */
  marked: number;
  losses: Loss[];
  nodes: NodeStatus[];
  unreadable?: number;
  warnings?: string[];
  user?: string;
}
