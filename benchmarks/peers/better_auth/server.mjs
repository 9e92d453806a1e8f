// better-auth with PostgreSQL, strict as it comes: the session is read from the database at every request.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { Pool } from "pg";

const port = process.argv[process.argv.indexOf("--port") + 1];
const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: "a-secret-that-only-this-benchmark-knows-0123456789",
  database: new Pool({ connectionString: process.env.DATABASE_URL, max: 10 }),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: "error" },
});
const { runMigrations } = await getMigrations(auth.options);
await runMigrations();
const handle = toNodeHandler(auth);
createServer((request, response) => {
  if (request.url === "/healthz") response.end("{}");
  else handle(request, response);
}).listen(Number(port), "127.0.0.1");
