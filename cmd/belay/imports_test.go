package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// listed is what go list says of one package.
type listed struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// TestWhoMayImportWhom holds the house together: the arrows between packages point
// one way only.
func TestWhoMayImportWhom(t *testing.T) {
	packages := houseOf(t)
	if len(packages) < 15 {
		t.Fatalf("go list found only %d packages of belay", len(packages))
	}
	for _, p := range packages {
		for _, imported := range p.Imports {
			if why := forbidden(p.ImportPath, imported); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, why)
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if imported == p.ImportPath || inside(imported, "belay/providers/lab") {
				continue // tests of every package may build a lab
			}
			if why := forbidden(p.ImportPath, imported); why != "" && strings.HasPrefix(imported, "belay/") &&
				!(inside(p.ImportPath, "belay/rollout") && inside(imported, "belay/steps")) {
				t.Errorf("a test of %s imports %s: %s", p.ImportPath, imported, why)
			}
		}
		if inside(p.ImportPath, "belay/rollout") && slices.ContainsFunc(p.TestImports, func(i string) bool { return inside(i, "belay/providers/lab") }) {
			t.Errorf("a test within %s imports the lab: under rollout only external tests may", p.ImportPath)
		}
	}
}

func TestTheRuleSeesWhatItForbids(t *testing.T) {
	for _, pair := range [][2]string{
		{"belay/tui", "belay/rollout/store"}, {"belay/steps", "belay/rollout/store"},
		{"belay/steps", "belay/providers/dns"}, {"belay/rollout", "belay/steps"},
		{"belay/providers/dns", "belay/tui"}, {"belay/rollout", "github.com/miekg/dns"},
		{"belay/steps/probe", "belay/steps"}, {"belay/cmd/belay", "github.com/charmbracelet/lipgloss"},
		{"belay/providers", "belay/providers/dns"}, {"belay/tui", "belay/providers/host"},
		{"belay/rollout/finding", "golang.org/x/net/idna"}, {"belay/rollout/mtasts", "belay/rollout"},
		{"belay/providers/dns", "belay/providers/host"}, {"belay/providers/rest", "belay/providers/dns"}, {"belay/steps", "belay/providers/rest"},
	} {
		if forbidden(pair[0], pair[1]) == "" {
			t.Errorf("%s may import %s", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{
		{"belay/cmd/belay", "belay/rollout/store"}, {"belay/tui", "belay/providers"}, {"belay/tui", "belay/rollout/finding"},
		{"belay/steps", "belay/steps/probe"}, {"belay/rollout/mtasts", "golang.org/x/net/idna"}, {"belay/rollout/store", "modernc.org/sqlite"},
		{"belay/providers/host", "belay/rollout"}, {"belay/tui", "github.com/charmbracelet/bubbletea"},
		{"belay/providers/dns", "belay/providers/rest"}, {"belay/providers/host/worker", "belay/providers/rest"},
	} {
		if why := forbidden(pair[0], pair[1]); why != "" {
			t.Errorf("%s may not import %s: %s", pair[0], pair[1], why)
		}
	}
}

// forbidden says why package p may not import q; "" where it may.
func forbidden(p, q string) string {
	if strings.HasPrefix(q, "github.com/charmbracelet/") && !inside(p, "belay/tui") {
		return "only tui draws"
	}
	switch {
	case inside(p, "belay/cmd"):
		return ""
	case inside(q, "belay/cmd"):
		return "nothing imports a command"
	case inside(q, "belay/rollout/store") && p != "belay/rollout/store":
		return "only cmd imports the store"
	}
	switch {
	case inside(p, "belay/tui"):
		return unless(q, "tui imports rollout and the catalogue", "belay/rollout", "belay/tui", "=belay/providers")
	case inside(p, "belay/steps"):
		if p == "belay/steps/probe" && q == "belay/steps" {
			return "probe never imports steps back"
		}
		return unless(q, "steps import rollout and probe", "belay/rollout", "belay/steps/probe")
	case p == "belay/providers":
		return unless(q, "the catalogue is data only")
	case inside(p, "belay/providers"):
		return unless(q, "a provider imports rollout, and the way to an API", "belay/rollout", "=belay/providers", "=belay/providers/rest", p, parent(p))
	case p == "belay/rollout/store":
		return unless(q, "the store imports rollout", "belay/rollout")
	case inside(p, "belay/rollout"):
		return pure(p, q)
	}
	return ""
}

// pure holds rollout and its value packages: the standard library and the value
// packages, which may use what reads domain names.
func pure(p, q string) string {
	values := []string{"belay/rollout/mtasts", "belay/rollout/tlsrpt", "belay/rollout/finding", "belay/rollout/world"}
	switch {
	case !strings.Contains(strings.Split(q, "/")[0], ".") && !strings.HasPrefix(q, "belay/"):
		return "" // the standard library
	case slices.Contains(values, q):
		return ""
	case (p == "belay/rollout/mtasts" || p == "belay/rollout/tlsrpt") && (q == "golang.org/x/net/idna" || q == "golang.org/x/net/publicsuffix"):
		return ""
	}
	return "rollout is the standard library and its own value packages"
}

// unless allows packages of belay below one of these paths, or with "=" before it
// that very package, and everything that is not belay's.
func unless(q, why string, allowed ...string) string {
	if !strings.HasPrefix(q, "belay/") {
		return ""
	}
	for _, a := range allowed {
		if exact, only := strings.CutPrefix(a, "="); only && q == exact || !only && inside(q, a) {
			return ""
		}
	}
	return why
}

func inside(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }

// parent is the provider package that p is a part of: belay/providers/lab for
// belay/providers/lab/vendor.
func parent(p string) string {
	parts := strings.SplitN(p, "/", 4)
	return strings.Join(parts[:min(3, len(parts))], "/")
}

// houseOf is what go list says of every package of belay.
func houseOf(t *testing.T) []listed {
	t.Helper()
	text, err := exec.Command("go", "list", "-json=ImportPath,Standard,Imports,TestImports,XTestImports", "belay/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var out []listed
	for d := json.NewDecoder(strings.NewReader(string(text))); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
}
