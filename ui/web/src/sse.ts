// Server-sent events out of the bytes of a response (an EventSource can't send a token).

export interface ServerEvent {
  name: string;
  data: string;
}

/** Takes text as it comes and gives the events that are whole. */
export class EventParser {
  #rest: string[] = [];
  #name = '';
  #data: string[] = [];

  push(text: string): ServerEvent[] {
    const lines = text.split('\n');
    // Long lines come in many parts: each is looked at once.
    this.#rest.push(lines[0] ?? '');
    if (lines.length === 1) return [];
    lines[0] = this.#rest.join('');
    this.#rest = [lines.pop() ?? ''];
    const events: ServerEvent[] = [];
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (this.#data.length) events.push({ name: this.#name || 'message', data: this.#data.join('\n') });
        this.#name = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue; // A comment, which keeps the connection alive.
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') this.#name = value;
      else if (field === 'data') this.#data.push(value);
    }
    return events;
  }
}
