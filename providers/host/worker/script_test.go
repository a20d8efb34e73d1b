package worker

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const testBody = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmx: *.corp.test\r\nmax_age: 86400\r\n"

func TestAScriptIsReadBackAsItWasWritten(t *testing.T) {
	for _, body := range []string{testBody, "", "a \"quoted\" \\ line\n</script>\u2028é", strings.Repeat("mx: a.example\n", 4000)} {
		if got, ours := bodyOf("corp.test", script("corp.test", body)); !ours || got != body {
			t.Errorf("%.40q came back as %.40q, ours %v", body, got, ours)
		}
	}
}

func TestAScriptThatIsNotBelaysIsNot(t *testing.T) {
	written := script("corp.test", testBody)
	for shows, text := range map[string]string{
		"another script":             `export default { fetch() { return new Response("hello") } }`,
		"one line more":              written + "\n",
		"another domain's":           script("other.test", testBody),
		"a redirect put in":          strings.Replace(written, "not found", "moved", 1),
		"a policy that is no string": regexp.MustCompile(`const POLICY = .*;`).ReplaceAllString(written, "const POLICY = 1;"),
		"nothing":                    "",
	} {
		if _, ours := bodyOf("corp.test", text); ours {
			t.Errorf("%s is taken for belay's", shows)
		}
	}
}

// Every text that a belay ever wrote stands in testdata as it was uploaded, and is
// read back by this belay: or a Worker made before would be nobody's, for good. Who
// changes the text adds a template to scripts and a file here, and leaves the others.
func TestEveryScriptEverWrittenIsReadBack(t *testing.T) {
	written := scripts()
	files, err := filepath.Glob("testdata/worker-*.js")
	if err != nil || len(files) != len(written) {
		t.Fatalf("%d templates, and %d of their texts in testdata: %v", len(written), len(files), err)
	}
	for i, template := range written {
		text, err := os.ReadFile(fmt.Sprintf("testdata/worker-%d.js", i+1))
		if err != nil {
			t.Fatal(err)
		}
		if render(template, "corp.test", literal(testBody)) != string(text) {
			t.Errorf("template %d no longer renders what was uploaded by it: leave it, and add another", i+1)
		}
		if body, ours := bodyOf("corp.test", string(text)); !ours || body != testBody {
			t.Errorf("the script of template %d is not belay's any more: it reads %q", i+1, body)
		}
	}
	if newest, err := os.ReadFile(fmt.Sprintf("testdata/worker-%d.js", len(files))); err != nil || script("corp.test", testBody) != string(newest) {
		t.Errorf("what is uploaded now is not the newest text of testdata: %v", err)
	}
}

// A script of a template that is none of the newest is read, and one that mixes two
// is not.
func TestAnOlderTemplateIsRead(t *testing.T) {
	older := strings.NewReplacer("not found", "nothing here", "only GET", "just GET").Replace(scripts()[0])
	both := append([]string{older}, scripts()...)
	text := render(older, "corp.test", literal(testBody))
	if _, ours := bodyOf("corp.test", text); ours {
		t.Error("a text that no belay wrote is taken for belay's")
	}
	if body, ours := readBy(both, "corp.test", text); !ours || body != testBody {
		t.Errorf("it reads %q, ours %v", body, ours)
	}
	if _, ours := readBy(both, "corp.test", strings.Replace(text, "nothing here", "not found", 1)); ours {
		t.Error("half the one and half the other is taken for belay's")
	}
}

// The policy may be spelt as another version of Go's encoder would: it is the same
// string.
func TestALiteralOfAnotherEncoderIsRead(t *testing.T) {
	text := strings.Replace(script("corp.test", testBody), `\r\n`, `\u000d\u000a`, 1)
	if body, ours := bodyOf("corp.test", text); !ours || body != testBody {
		t.Errorf("it reads %q, ours %v", body, ours)
	}
}

func TestScriptNames(t *testing.T) {
	seen := map[string]string{}
	valid := regexp.MustCompile(`^[a-z][a-z0-9_-]*[a-z0-9]$`)
	for _, domain := range []string{"corp.test", "corp-test", "a.corp.test", "a-corp.test", "xn--bcher-kva.example", strings.Repeat("long.", 40) + "example", strings.Repeat("long-", 11) + "er.example"} {
		name := scriptName(domain)
		if len(name) > 63 || !valid.MatchString(name) {
			t.Errorf("%s: %q is no name of a Worker", domain, name)
		}
		if other := seen[name]; other != "" {
			t.Errorf("%s and %s are both called %s", domain, other, name)
		}
		seen[name] = domain
	}
}

// runScript asks the script questions in a JavaScript engine that knows Request and
// Response, as Workers do.
const runScript = `
import worker from "./worker.mjs";
const out = [];
for (const [method, url] of JSON.parse(process.argv[2])) {
  const r = await worker.fetch(new Request(url, { method, redirect: "manual" }));
  out.push({ status: r.status, type: r.headers.get("content-type"), location: r.headers.get("location"), body: await r.text() });
}
console.log(JSON.stringify(out));
`

func TestTheScriptServesThePolicyAndNothingElse(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node here to run the script with")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"worker.mjs": script("corp.test", testBody), "run.mjs": runScript} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const host = "https://mta-sts.corp.test"
	for _, tc := range []struct {
		shows, method, url string
		status             int
		body               string
	}{
		{"the policy, byte for byte", "GET", host + "/.well-known/mta-sts.txt", 200, testBody},
		{"the policy with a query", "GET", host + "/.well-known/mta-sts.txt?x=1", 200, testBody},
		{"its head", "HEAD", host + "/.well-known/mta-sts.txt", 200, ""},
		{"what this host is", "GET", host + "/", 200, "This host serves the MTA-STS policy of corp.test and nothing else (RFC 8461):\n" + host + "/.well-known/mta-sts.txt\n"},
		{"anything else", "GET", host + "/index.html", 404, "not found\n"},
		{"a name that every object has", "GET", host + "/constructor", 404, "not found\n"},
		{"its head, of what is not there", "HEAD", host + "/x", 404, ""},
		{"another host", "GET", "https://other.workers.dev/.well-known/mta-sts.txt", 404, "not found\n"},
		{"a write", "POST", host + "/.well-known/mta-sts.txt", 405, "only GET and HEAD are answered here\n"},
	} {
		asked, err := json.Marshal([][2]string{{tc.method, tc.url}})
		if err != nil {
			t.Fatal(err)
		}
		text, err := exec.Command(node, filepath.Join(dir, "run.mjs"), string(asked)).Output()
		if err != nil {
			t.Fatalf("%s: node: %v", tc.shows, err)
		}
		var got []struct {
			Status               int
			Type, Location, Body string
		}
		if err := json.Unmarshal(text, &got); err != nil || len(got) != 1 {
			t.Fatalf("%s: node said %q: %v", tc.shows, text, err)
		}
		if g := got[0]; g.Status != tc.status || g.Body != tc.body || g.Type != "text/plain" || g.Location != "" {
			t.Errorf("%s: got %+v", tc.shows, g)
		}
	}
}
