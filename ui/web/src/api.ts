// Questions to the server.

import { signal } from '@preact/signals';
import { EventParser, type ServerEvent } from './sse';
import type { paths, Problem } from './openapi';

type Path = keyof paths;
/** Paths that are read, and those that take something. */
export type ReadPath = { [P in Path]: paths[P] extends { get: { responses: object } } ? P : never }[Path];
type PostPath = { [P in Path]: paths[P] extends { post: { responses: object } } ? P : never }[Path];
type Json<O> = O extends { responses: { 200: { content: { 'application/json': infer A } } } } ? A : never;
/** What a path answers in JSON. */
export type Answer<P extends ReadPath> = Json<paths[P]['get']>;
/** What a path takes, and answers then. */
type Body<P extends PostPath> = paths[P]['post'] extends { requestBody: { content: { 'application/json': infer B } } } ? B : never;

export type Params = Record<string, string | number | boolean | string[] | null | undefined>;

/** The server's refusal. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

const KEY = 'flows-token';

/** Whether the server wants a token that we don't have, and whether what we gave it is none. */
export const tokenNeeded = signal(false);
export const tokenWrong = signal(false);

export function setToken(token: string): void {
  sessionStorage.setItem(KEY, token);
  tokenNeeded.value = false;
}

/** What a path has in braces is taken from the parameters; the others are the query. */
export function address(path: Path, params: Params = {}): string {
  const query = new URLSearchParams();
  let filled: string = path;
  for (const [name, value] of Object.entries(params)) {
    if (path.includes(`{${name}}`)) filled = filled.replace(`{${name}}`, encodeURIComponent(String(value)));
    else if (Array.isArray(value)) for (const each of value) query.append(name, each);
    else if (value !== null && value !== undefined && value !== '' && value !== false) query.set(name, String(value));
  }
  const text = query.toString();
  return new URL(`.${filled}${text && `?${text}`}`, document.baseURI).href;
}

/** `body`: what is sent, as JSON. */
async function open(path: Path, params: Params, signal?: AbortSignal, body?: unknown): Promise<Response> {
  const token = sessionStorage.getItem(KEY);
  const response = await fetch(address(path, params), {
    headers: { ...(token && { Authorization: `Bearer ${token}` }), ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  if (response.ok) return response;
  let problem: Problem;
  try {
    problem = (await response.json()) as Problem;
  } catch {
    problem = { type: 'about:blank', title: response.statusText, status: response.status, detail: `the server answered ${response.status}` };
  }
  // Whom a proxy in front didn't let through can't help it with a token.
  if (response.status === 401 && problem.detail.startsWith('a token')) {
    tokenWrong.value = token !== null;
    tokenNeeded.value = true;
  }
  throw new ApiError(problem);
}

export async function ask<P extends ReadPath>(path: P, params: Params = {}, signal?: AbortSignal): Promise<Answer<P>> {
  return (await (await open(path, params, signal)).json()) as Answer<P>;
}

/** Sends something. */
export async function send<P extends PostPath>(path: P, body: Body<P>, signal?: AbortSignal): Promise<Json<paths[P]['post']>> {
  return (await (await open(path, {}, signal, body)).json()) as Json<paths[P]['post']>;
}

/** Whether a link can't be followed by the browser alone, as it would not send the token. */
export function needsToken(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}

/** Saves an answer as a file of the name that the server gives it. */
export async function download(path: Path, params: Params): Promise<void> {
  const response = await open(path, params);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? 'flows';
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Events until the server ends, or `signal` does. */
export async function* events(path: Path, params: Params, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const response = await open(path, params, signal);
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield* parser.push(value);
  }
}

export function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
