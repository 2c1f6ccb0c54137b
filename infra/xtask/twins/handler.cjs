// A minimal custom handler with the Functions host's contract: what the benchmark compares Poolwarden with.
"use strict";
const http = require("node:http");

http
  .createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      response.setHeader("Content-Type", "application/json");
      if (request.method === "GET") return response.end('{"ready":true}');
      const envelope = JSON.parse(Buffer.concat(parts).toString("utf8"));
      const events = JSON.parse(envelope.Data.req.Body);
      const body = { validationResponse: events[0].data.validationCode };
      const output = { statusCode: "200", body, headers: { "Content-Type": "application/json" } };
      response.end(JSON.stringify({ Outputs: { res: output }, Logs: [], ReturnValue: null }));
    });
  })
  .listen(Number(process.env.FUNCTIONS_CUSTOMHANDLER_PORT), "127.0.0.1");
