// The text of the editor: kept for this tab, so that a reload loses nothing.

import { signal } from '@preact/signals';
import { go, tell } from '../state';
import { withRule } from './rule';

const KEY = 'flows-editor';

function stored(): string {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

/** What is written. */
export const draft = signal(stored());
/** What was written before something took its place; empty: nothing was. */
export const replaced = signal('');

export function setDraft(text: string): void {
  draft.value = text;
  try {
    sessionStorage.setItem(KEY, text);
  } catch {
    // There is no room, or it is not allowed: the page keeps it until it is closed.
  }
}

/** Puts a text into the editor and goes there. What was in it can be brought back. */
export function edit(text: string): void {
  if (draft.value.trim() !== '' && draft.value !== text) replaced.value = draft.value;
  setDraft(text);
  go({ panel: 'editor', flow: null, connection: null });
}

/** Takes back that something was replaced. */
export function bringBack(): void {
  const text = replaced.value;
  replaced.value = draft.value;
  setDraft(text);
}

/** A policy as it is tried: with a rule that was suggested, or a new one. `policy`: the one that it changes, as it is now. */
export function trySuggestion(suggestion: { text: string; yaml: string }, policy: string | undefined): void {
  const place = /\badd to (specs?(?:\[\d+\])?)\.(ingress|egress) of /.exec(suggestion.text);
  if (!place) return edit(suggestion.yaml);
  const [, spec = 'spec', list = 'ingress'] = place;
  const changed = policy === undefined ? null : withRule(policy, spec, list, suggestion.yaml);
  if (changed !== null) return edit(changed);
  const wanted = [`# ${suggestion.text}:`, ...suggestion.yaml.trimEnd().split('\n').map((line) => `#   ${line}`)];
  edit(`${wanted.join('\n')}\n${policy ?? ''}`);
  tell('The rule could not be put in its place: it is in a comment at the top');
}
