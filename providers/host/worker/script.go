package worker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"belay/rollout/mtasts"
)

// mainModule is the name of the script's one module.
const mainModule = "worker.js"

// scripts are the templates of every script that a belay ever wrote, the newest last.
// A Worker is belay's where one of them gives its text to the byte: so a template that
// was once shipped stays as it is, and a change of the text is one more.
func scripts() []string { return []string{script1} }

// script1 is the whole Worker: a constant with the policy's very bytes and one that
// says what this host is, and who asks for anything else is told that it is not
// here. It never redirects, for senders follow none (RFC 8461 section 3.3).
const script1 = `// Written by belay: the MTA-STS policy of %s (RFC 8461).
// belay replaces this script as a whole, and only where it is as belay wrote it.
const HOST = %s;
const POLICY = %s;
const PAGE = %s;

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
`

// script is what is uploaded to serve body for domain.
func script(domain, body string) string {
	written := scripts()
	return render(written[len(written)-1], domain, literal(body))
}

// render is what a template makes of a domain and the literal of a body.
func render(template, domain, body string) string {
	page := fmt.Sprintf("This host serves the MTA-STS policy of %s and nothing else (RFC 8461):\n%s\n", domain, mtasts.PolicyURL(domain))
	return fmt.Sprintf(template, domain, literal(mtasts.PolicyHost(domain)), body, literal(page))
}

// literal is text as JavaScript has it; JSON is a part of JavaScript.
func literal(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic("worker: a string is always JSON: " + err.Error())
	}
	return string(b)
}

var policyLine = regexp.MustCompile(`(?m)^const POLICY = (".*");$`)

// bodyOf is the body that a script serves; ok is false for one that no belay wrote
// for domain.
func bodyOf(domain, text string) (body string, ok bool) { return readBy(scripts(), domain, text) }

// readBy is bodyOf by these templates. The body's literal is taken as it stands, for
// JSON spells one string in many ways; all around it is compared to the byte.
func readBy(templates []string, domain, text string) (body string, ok bool) {
	line := policyLine.FindStringSubmatch(text)
	if line == nil || json.Unmarshal([]byte(line[1]), &body) != nil {
		return "", false
	}
	if !slices.ContainsFunc(templates, func(t string) bool { return render(t, domain, line[1]) == text }) {
		return "", false
	}
	return body, true
}

// scriptName is what the Worker of a policy domain is called: letters, digits and
// hyphens, at most 63, and no two domains the same.
func scriptName(domain string) string {
	sum := sha256.Sum256([]byte(domain))
	tag := "-" + hex.EncodeToString(sum[:4])
	name := "mta-sts-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, domain)
	return name[:min(len(name), 63-len(tag))] + tag
}
