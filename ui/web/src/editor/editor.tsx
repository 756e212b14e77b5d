// The editor: policies are written or changed here, and one sees what is wrong with them, what they
// mean and what they would do. It applies nothing.

import { useEffect, useRef } from 'preact/hooks';
import '../style/editor.css';
import { counted, visibleLines } from '../format';
import { Icon } from '../icons';
import { copy } from '../state';
import type { PolicyCheck } from '../openapi';
import { Answer } from './answer';
import { again, answer, checking, failure, follow } from './check';
import { bringBack, draft, replaced, setDraft } from './draft';
import { shiftLines, YamlField, type Control } from './field';
import { fileName } from './text';

const EXAMPLE = `apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: example
  namespace: default
spec:
  endpointSelector:
    matchLabels:
      app: backend
  ingress:
    - fromEndpoints:
        - matchLabels:
            app: frontend
      toPorts:
        - ports:
            - port: "8080"
              protocol: TCP
`;

/** In a line, for who doesn't see the rest. */
function headline(found: PolicyCheck): string {
  const count = (severity: string) => found.diagnostics.filter((one) => one.severity === severity).length;
  const [errors, warnings, notes] = [count('error'), count('warning'), count('note')];
  if (errors > 0) return `${counted(errors, 'error')}${warnings ? `, ${counted(warnings, 'warning')}` : ''}`;
  const fine = [warnings && counted(warnings, 'warning'), notes && counted(notes, 'note')].filter(Boolean).join(', ');
  return `No errors${fine && `, ${fine}`}. ${found.diff?.summary ?? ''}`.trim();
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function Editor() {
  const control = useRef<Control>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(follow, []);
  const text = draft.value;
  const empty = text.trim() === '';
  const known = answer.value;
  const found = known?.found ?? null;
  // Places are those of the text that was checked.
  const current = known !== null && known.text === text;
  const diff = found?.diff;
  return (
    <section class="editor" aria-label="Editor">
      <div class="tablehead">
        <h2>Editor</h2>
        <p class="quiet-text">Nothing here is applied: it shows what would happen.</p>
        <span class="stretch" />
        <button class="small" disabled={empty} onClick={() => void copy(text, 'The YAML')}>
          <Icon name="copy" /> YAML
        </button>
        <button class="small" disabled={empty} onClick={() => save(text, fileName(found?.meanings.map(({ policy }) => policy) ?? []))}>
          Download
        </button>
        <button class="small" disabled={!diff || !current} title="What would change, as a comment for a change request" onClick={() => diff && void copy(visibleLines(diff.markdown), 'The Markdown')}>
          <Icon name="copy" /> Markdown
        </button>
      </div>
      <div class="halves">
        <div class="writing">
          {replaced.value !== '' && (
            <p class="replaced">
              Another text was here.{' '}
              <button class="small" onClick={bringBack}>
                Bring it back
              </button>
            </p>
          )}
          <YamlField diagnostics={current ? (found?.diagnostics ?? []) : []} control={control} area={area} />
          <p class="quiet-text small-text keys" id="editor-keys">
            <span>
              <kbd>Tab</kbd> leaves the field; <kbd>Ctrl</kbd> <kbd>]</kbd> and <kbd>Ctrl</kbd> <kbd>[</kbd> indent the selected lines, and so do
            </span>
            <button class="small" onClick={() => area.current && shiftLines(area.current, true)} aria-label="Indent less">
              ←
            </button>
            <button class="small" onClick={() => area.current && shiftLines(area.current, false)} aria-label="Indent more">
              →
            </button>
          </p>
        </div>
        <div class={`answer${current ? '' : ' old'}`} aria-busy={checking.value}>
          <p class="headline" role="status">
            {checking.value ? 'Checking…' : failure.value ? '' : found && current ? headline(found) : ''}
          </p>
          {failure.value && (
            <p class="error-text" role="alert">
              {failure.value}{' '}
              <button class="small" onClick={() => again.value++}>
                Try again
              </button>
            </p>
          )}
          {empty && (
            <div class="nothing">
              <p>Paste or write policies: what is wrong with them, what they mean and what they would change is shown here.</p>
              <p>
                <button class="small" onClick={() => (setDraft(EXAMPLE), area.current?.focus())}>
                  Insert an example
                </button>
              </p>
              <p class="quiet-text">To begin with a policy that is in force: Edit a copy, beside its manifest on the Policies page.</p>
            </div>
          )}
          {!empty && found && <Answer found={found} goTo={(line, column) => control.current?.goTo(line, column)} />}
        </div>
      </div>
    </section>
  );
}
