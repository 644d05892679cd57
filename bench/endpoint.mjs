// An endpoint that answers every request with 200 and keeps only their number: it must cost as
// little as possible, since it shares the machine's cores with what is measured. One body says
// "accepted" in the terms of every channel: Telegram and Slack read `ok`, Lark reads `code`.
import { createServer } from "node:http";

const ACCEPTED = '{"ok":true,"code":0,"result":{"message_id":1}}';
let received = 0;
const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    if (request.method === "GET") {
      response.end(JSON.stringify({ received }));
      return;
    }
    received += 1;
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(ACCEPTED);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
