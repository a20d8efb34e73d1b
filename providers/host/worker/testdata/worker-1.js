// Written by belay: the MTA-STS policy of corp.test (RFC 8461).
// belay replaces this script as a whole, and only where it is as belay wrote it.
const HOST = "mta-sts.corp.test";
const POLICY = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmx: *.corp.test\r\nmax_age: 86400\r\n";
const PAGE = "This host serves the MTA-STS policy of corp.test and nothing else (RFC 8461):\nhttps://mta-sts.corp.test/.well-known/mta-sts.txt\n";

const text = (body, status, headers) =>
  new Response(body, { status, headers: { "content-type": "text/plain", ...headers } });

export default {
  async fetch(request) {
    const { hostname, pathname } = new URL(request.url);
    if (request.method !== "GET" && request.method !== "HEAD") {
      return text("only GET and HEAD are answered here\n", 405, { allow: "GET, HEAD" });
    }
    const served = { "/.well-known/mta-sts.txt": POLICY, "/": PAGE }[pathname];
    if (hostname !== HOST || served === undefined) {
      return text(request.method === "HEAD" ? null : "not found\n", 404);
    }
    return text(request.method === "HEAD" ? null : served, 200);
  },
};
