// A server of HTTP/1.1 with WebSockets on port 8080, and of HTTP/2 without TLS on 8081, by Node.js.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createServer as createServer2 } from "node:http2";

const PAGE = `<!doctype html><title>page</title><pre id="told"></pre><script>
const told = document.getElementById("told");
const say = (text) => { told.textContent += text + "\\n"; };
const status = async (method, path) => (await fetch(path, { method })).status;
const echoed = () => new Promise((resolve) => {
  const socket = new WebSocket("ws://" + location.host + "/socket");
  socket.onopen = () => socket.send("over a socket");
  socket.onmessage = (message) => resolve(message.data);
  socket.onerror = () => resolve("no socket");
});
(async () => {
  say("hello: " + await status("GET", "/hello"));
  say("secret: " + await status("GET", "/secret"));
  say("deleted: " + await status("DELETE", "/hello"));
  say("echo: " + await echoed());
  say("done");
})();
</script>`;

// Counts what is sent to it.
function answer(request, response) {
  let length = 0;
  request.on("data", (part) => { length += part.length; });
  request.on("end", () => {
    const isPage = request.url === "/page";
    response.setHeader("content-type", isPage ? "text/html" : "text/plain");
    const text = length > 0 ? `received ${length}\n` : "hello\n";
    if (request.url === "/large") {
      response.end(Buffer.alloc(8 << 20, "x"));
    } else {
      response.end(isPage ? PAGE : text);
    }
  });
}

const server = createServer(answer);
// RFC 6455: one short text comes, and goes back unmasked.
server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1")
    .update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    .digest("base64");
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on("error", () => {});
  socket.on("data", (frame) => {
    const length = frame[1] & 0x7f;
    if ((frame[0] & 0xf) !== 1) return;
    const [mask, text] = [frame.subarray(2, 6), frame.subarray(6, 6 + length)];
    const plain = text.map((byte, place) => byte ^ mask[place % 4]);
    socket.write(Buffer.concat([Buffer.from([0x81, length]), plain]));
  });
});
server.listen(8080, "::");
createServer2(answer).listen(8081, "::");
