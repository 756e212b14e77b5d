// A manifest with the numbers of its lines; those that something is said of are marked.

import { visibleLines } from '../format';
import { edit } from '../editor/draft';
import { Icon } from '../icons';
import { copy } from '../state';
import type { PolicyLint } from '../openapi';
import { parts } from '../drawer/yamlparts';

export function Numbered({ text, findings }: { text: string; findings: readonly PolicyLint[] }) {
  const lines = visibleLines(text.trimEnd()).split('\n');
  const of = (line: number) => findings.filter((finding) => finding.line === line);
  return (
    <div class="yaml numbered">
      <button class="small" onClick={() => edit(`${lines.join('\n')}\n`)}>
        Edit a copy
      </button>
      <button class="quiet" onClick={() => void copy(text, 'The manifest')} aria-label="Copy: the manifest" title="Copy">
        <Icon name="copy" />
      </button>
      <pre tabIndex={0}>
        {lines.map((line, index) => {
          const found = of(index + 1);
          const worst = ['error', 'warning', 'note'].find((severity) => found.some((finding) => finding.severity === severity));
          return (
            <span key={index} class={worst ? `line ${worst}` : 'line'} title={found.map(({ severity, problem }) => `${severity}: ${problem}`).join('\n') || undefined}>
              {/* Not copied with the text. */}
              <span class="line-number" data-line={index + 1} />
              {parts(line).map(({ kind, text }, at) => (
                <span key={at} class={kind}>
                  {text}
                </span>
              ))}
              {'\n'}
            </span>
          );
        })}
      </pre>
    </div>
  );
}
