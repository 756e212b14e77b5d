// What a terminal shows, as HTML: text with the colours and attributes of SGR sequences.

const BASE = ['#1c2024', '#e06c5b', '#7fb77e', '#d9b35b', '#6ea8e6', '#c792d8', '#6cc0c0', '#c8cdd2', '#6b747d', '#ff8a6c', '#9fd39e', '#f0cc74', '#9cc6f5', '#dcb2ea', '#93dcdc', '#ffffff'];

function indexed(number: number): string {
  if (number < 16) return BASE[number] ?? '#fff';
  if (number >= 232) return `rgb(${Array(3).fill(8 + (number - 232) * 10).join()})`;
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const at = number - 16;
  return `rgb(${level(Math.floor(at / 36))},${level(Math.floor(at / 6) % 6)},${level(at % 6)})`;
}

/** Lines as `tmux capture-pane -e -p` prints them. */
export function html(text: string): string {
  let style: { color?: string; background?: string; bold?: boolean; dim?: boolean; underline?: boolean; reverse?: boolean } = {};
  const escape = (part: string) => part.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return text
    .split(/(\x1b\[[0-9;]*m)/)
    .map((part) => {
      const codes = /^\x1b\[([0-9;]*)m$/.exec(part)?.[1]?.split(';').map(Number);
      if (!codes) {
        if (!part) return '';
        let [color, background] = [style.color ?? '#d7dce1', style.background ?? 'transparent'];
        if (style.reverse) [color, background] = [background === 'transparent' ? '#12161a' : background, color];
        const css = [`color:${color}`, `background:${background}`, style.bold && 'font-weight:700', style.dim && 'opacity:.65', style.underline && 'text-decoration:underline'];
        return `<span style="${css.filter(Boolean).join(';')}">${escape(part)}</span>`;
      }
      for (let at = 0; at < codes.length; at++) {
        const code = codes[at] ?? 0;
        if (code === 0) style = {};
        else if (code === 1) style.bold = true;
        else if (code === 2) style.dim = true;
        else if (code === 4) style.underline = true;
        else if (code === 7) style.reverse = true;
        else if (code === 22) style = { ...style, bold: false, dim: false };
        else if (code === 24) style.underline = false;
        else if (code === 27) style.reverse = false;
        else if (code === 39) delete style.color;
        else if (code === 49) delete style.background;
        else if (code === 38 || code === 48) {
          const of = code === 38 ? 'color' : 'background';
          if (codes[at + 1] === 5) style[of] = indexed(codes[at + 2] ?? 0);
          else style[of] = `rgb(${codes.slice(at + 2, at + 5).join()})`;
          at += codes[at + 1] === 5 ? 2 : 4;
        } else if (code >= 30 && code < 38) style.color = indexed(code - 30);
        else if (code >= 40 && code < 48) style.background = indexed(code - 40);
        else if (code >= 90 && code < 98) style.color = indexed(code - 82);
        else if (code >= 100 && code < 108) style.background = indexed(code - 92);
      }
      return '';
    })
    .join('');
}
