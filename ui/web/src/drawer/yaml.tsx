// YAML to read and to copy.

import { Icon } from '../icons';
import { visibleLines } from '../format';
import { copy } from '../state';
import { parts } from './yamlparts';

/** Of a manifest that stands far down in a file, its lines alone. */
function lines(text: string): string[] {
  return visibleLines(text.replace(/^(\s*\n)+/, '').trimEnd()).split('\n');
}

export function Yaml({ text, what }: { text: string; what: string }) {
  return (
    <div class="yaml">
      <button class="quiet" onClick={() => void copy(lines(text).join('\n'), what)} aria-label={`Copy: ${what.toLowerCase()}`} title="Copy">
        <Icon name="copy" />
      </button>
      <pre tabIndex={0}>
        {lines(text).map((line, index) => (
          <span key={index}>
            {parts(line).map(({ kind, text }, at) => (
              <span key={at} class={kind}>
                {text}
              </span>
            ))}
            {'\n'}
          </span>
        ))}
      </pre>
    </div>
  );
}
