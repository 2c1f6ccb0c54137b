// A minimal custom handler with the Functions host's contract: what the benchmark compares Poolwarden with.
"use strict";
const http = require("node:http");

const answer = JSON.stringify({ Outputs: {}, Logs: [], ReturnValue: null });

http
  .createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      response.setHeader("Content-Type", "application/json");
      if (request.method === "GET") return response.end('{"ready":true}');
      const envelope = JSON.parse(Buffer.concat(parts).toString("utf8"));
      let message = envelope.Data.message;
      while (typeof message === "string") message = JSON.parse(message);
      Number.parseInt(envelope.Metadata.DeliveryCount, 10);
      response.end(answer);
    });
  })
  .listen(Number(process.env.FUNCTIONS_CUSTOMHANDLER_PORT), "127.0.0.1");
