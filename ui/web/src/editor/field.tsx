// The field for YAML: a plain text area, with line numbers and marks beside it.

import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Diagnostic } from '../openapi';
import { draft, setDraft } from './draft';
import { lineMarks, newLine, place, shift } from './text';

/** Height of a line, px; the style sheet has the same. */
const LINE = 19;
/** Between the edge and the first line. */
const PAD = 8;

export interface Control {
  /** Goes to a line and column. */
  goTo: (line: number, column: number) => void;
}

/** Puts a text in the place of another, so that the browser can take it back. */
function replace(area: HTMLTextAreaElement, from: number, to: number, text: string): void {
  area.focus();
  area.setSelectionRange(from, to);
  // Nothing else keeps the steps that can be undone.
  if (!document.execCommand('insertText', false, text)) {
    area.setRangeText(text, from, to, 'end');
    setDraft(area.value);
  }
}

export function shiftLines(area: HTMLTextAreaElement, back: boolean): void {
  const { text, from, to } = shift(area.value, area.selectionStart, area.selectionEnd, back);
  if (text === area.value) return;
  replace(area, 0, area.value.length, text);
  area.setSelectionRange(from, to);
}

/** `diagnostics`: of the text as it is. */
export function YamlField({ diagnostics, control, area }: { diagnostics: readonly Diagnostic[]; control: { current: Control | null }; area: { current: HTMLTextAreaElement | null } }) {
  const behind = useRef<HTMLDivElement>(null);
  const text = draft.value;
  const lines = text.split('\n').length;
  const follow = () => {
    if (behind.current && area.current) behind.current.style.transform = `translateY(${-area.current.scrollTop}px)`;
  };
  useLayoutEffect(follow);
  control.current = {
    goTo: (line, column) => {
      const field = area.current;
      if (!field) return;
      const at = place(field.value, line, column);
      field.focus();
      field.setSelectionRange(at, at);
      field.scrollTop = Math.max(0, (line - 1) * LINE + PAD - field.clientHeight / 3);
    },
  };
  const onKey = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => {
    const field = event.currentTarget;
    if (event.ctrlKey && (event.key === ']' || event.key === '[')) shiftLines(field, event.key === '[');
    else if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing) {
      replace(field, field.selectionStart, field.selectionEnd, newLine(field.value, field.selectionStart));
    } else return;
    event.preventDefault();
  };
  return (
    <div class="yamlfield">
      <div class="gutter" aria-hidden="true">
        <div ref={behind}>
          <pre>{Array.from({ length: lines }, (_, at) => at + 1).join('\n')}</pre>
          {lineMarks(diagnostics).map(({ line, severity, text }) => (
            <span key={line} class={`mark ${severity}`} style={{ top: `${(line - 1) * LINE + PAD}px` }} title={text}>
              {line}
            </span>
          ))}
        </div>
      </div>
      <textarea
        ref={area}
        value={text}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onScroll={follow}
        onKeyDown={onKey}
        wrap="off"
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        aria-label="Policies as YAML"
        aria-describedby="editor-keys"
        aria-invalid={diagnostics.some(({ severity }) => severity === 'error')}
      />
    </div>
  );
}
