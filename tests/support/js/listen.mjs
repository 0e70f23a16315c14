// The official JavaScript client with a record: prints each event as one line of JSON.
// Usage: node listen.mjs URL AUTH_JSON TRANSPORTS_JSON; each line on standard input is emitted.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, auth, transports] = process.argv.slice(2);
const print = (event, payload) => console.log(JSON.stringify([event, payload ?? null]));

const socket = io(url, {
  auth: JSON.parse(auth),
  transports: JSON.parse(transports),
  reconnection: false,
});
socket.on("connect", () => print("connect", { transport: socket.io.engine.transport.name }));
socket.on("connect_error", (error) => {
  print("connect_error", { message: error.message, data: error.data ?? null });
  process.exit(0);
});
socket.on("disconnect", (reason) => {
  print("disconnect", { reason });
  process.exit(0);
});
socket.onAny((event, payload) => print(event, payload));

createInterface({ input: process.stdin })
  .on("line", (line) => socket.emit(...JSON.parse(line)))
  .on("close", () => socket.disconnect());
