package dns_test

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The table of the suite: which provider was put through which case, and how it
// ended there. Tests fill it in as they run, and TestMain prints it when all have.
type table struct {
	mu    sync.Mutex
	cells map[string]map[string]string // case, provider: ok, FAIL or skip
}

// suiteTable is the table of this run. It is the one thing that the tests share: only
// TestMain knows when all are done.
var suiteTable = &table{cells: map[string]map[string]string{}}

// row makes this test, which runs below one named after a provider, a cell of the
// table: the case is the rest of its name.
func row(t *testing.T) {
	steps := strings.Split(t.Name(), "/")
	for provider := range entrants() {
		at := slices.Index(steps, strings.ReplaceAll(provider, " ", "_"))
		if at < 0 {
			continue
		}
		name := strings.ReplaceAll(strings.Join(slices.Delete(slices.Clone(steps), at, at+1), ": "), "_", " ")
		t.Cleanup(func() {
			how := "ok"
			switch {
			case t.Failed():
				how = "FAIL"
			case t.Skipped():
				how = "skip"
			}
			suiteTable.note(strings.TrimPrefix(name, "Test"), provider, how)
		})
		return
	}
}

func (s *table) note(name, provider, how string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cells[name] == nil {
		s.cells[name] = map[string]string{}
	}
	s.cells[name][provider] = how
}

// Why a provider is not put through a case.
const (
	noHTTP    = "rfc2136 speaks DNS, not HTTP: what its server refuses is tried on its own, and against BIND and Knot"
	wholeSets = "deSEC, Gandi and Hetzner are given the whole set by a call that compares nothing, and have no other: what somebody else writes between belay's last reading and that call is lost"
	ownRepeat = "the private key is never sent; what Google gets is a token that its library makes of it"
)

// reason says why a provider has no cell in a row; each is in the README.
func reason(name, provider string) string {
	overHTTP := slices.ContainsFunc([]string{"RefusedWrites", "TroubleWhileWriting", "ValueInBetween", "ForeignReadings", "NoRedirectIsFollowed", "HangingWrites"},
		func(row string) bool { return strings.HasPrefix(name, row) })
	switch {
	case overHTTP && strings.HasPrefix(provider, "rfc2136"):
		return noHTTP
	case name == "RefusedWrites: a secret that the answer repeats" && provider == "googleclouddns":
		return ownRepeat
	case strings.HasPrefix(name, "ValueInBetween") && slices.Contains(replacesWhole, provider):
		return wholeSets
	}
	return ""
}

// print writes the table and returns the holes that nothing explains.
func (s *table) print(w io.Writer) (holes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	providers := slices.Sorted(maps.Keys(entrants()))
	fmt.Fprintf(w, "The suite, case by provider:\n")
	for i, p := range providers {
		fmt.Fprintf(w, "  %2d %s\n", i+1, p)
	}
	fmt.Fprintf(w, "%-64s", "")
	for i := range providers {
		fmt.Fprintf(w, " %4d", i+1)
	}
	explained := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(s.cells)) {
		fmt.Fprintf(w, "\n%-64s", name)
		for _, p := range providers {
			cell := s.cells[name][p]
			if why := reason(name, p); cell == "" && why != "" {
				if explained[why] == 0 {
					explained[why] = len(explained) + 1
				}
				cell = fmt.Sprintf("(%d)", explained[why])
			} else if cell != "ok" {
				holes = append(holes, fmt.Sprintf("%s: %s: %s", name, p, strings.TrimSpace("not tried "+cell)))
				cell = strings.ToUpper(cell + "?")
			}
			fmt.Fprintf(w, " %4s", cell)
		}
	}
	fmt.Fprintln(w)
	for _, why := range slices.SortedFunc(maps.Keys(explained), func(a, b string) int { return explained[a] - explained[b] }) {
		fmt.Fprintf(w, "(%d) %s\n", explained[why], why)
	}
	fmt.Fprintln(w, "The suite ends.")
	return holes
}

// TestMain prints the table where all tests were run, and fails where it has a
// hole that nothing explains.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if code == 0 && whole() {
		if holes := suiteTable.print(os.Stdout); len(holes) > 0 {
			fmt.Fprintf(os.Stdout, "FAIL: the suite's table has holes that nothing explains:\n  %s\n", strings.Join(holes, "\n  "))
			code = 1
		}
	}
	os.Exit(code)
}

// whole reports whether this run was of all tests.
func whole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

// TestTheReadmeNamesTheHoles: what explains a hole of the table is in the README.
func TestTheReadmeNamesTheHoles(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := strings.Join(strings.Fields(string(text)), " ")
	for _, why := range []string{noHTTP, wholeSets, ownRepeat} {
		if !strings.Contains(readme, why) {
			t.Errorf("the README does not say that %q", why)
		}
	}
}

// TestTheTableHasNoSecretHole: a provider without a cell is a hole, unless there is
// a reason, and what failed or was skipped is one too.
func TestTheTableHasNoSecretHole(t *testing.T) {
	for _, tc := range []struct {
		shows, name string
		how         func(provider string) string
		holes       int // beside those that are none
	}{
		{"all were tried", "TTL", func(string) string { return "ok" }, 0},
		{"one was not", "TTL", func(p string) string { return map[bool]string{true: "", false: "ok"}[p == "route53"] }, 1},
		{"one was skipped", "TTL", func(p string) string { return map[bool]string{true: "skip", false: "ok"}[p == "route53"] }, 1},
		{"rfc2136 has no HTTP", "RefusedWrites: 401", func(p string) string { return map[bool]string{true: "", false: "ok"}[strings.HasPrefix(p, "rfc2136")] }, 0},
		{"others have", "RefusedWrites: 401", func(p string) string { return map[bool]string{true: "", false: "ok"}[p == "cloudflare"] }, 1},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			s := &table{cells: map[string]map[string]string{}}
			for p := range entrants() {
				if how := tc.how(p); how != "" {
					s.note(tc.name, p, how)
				}
			}
			if holes := s.print(io.Discard); len(holes) != tc.holes {
				t.Errorf("holes: %q", holes)
			}
		})
	}
}

// TestTheReadmeNamesTheFaults: each test that the README names as the one which
// reproduces a fault of libdns is there, and each such test is named.
func TestTheReadmeNamesTheFaults(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for _, pattern := range []string{"*_test.go", "../lab/vendor/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range regexp.MustCompile(`(?m)^func (Test\w+)\(t`).FindAllSubmatch(source, -1) {
				written[string(f[1])] = true
			}
		}
	}
	named := map[string]bool{}
	for _, f := range regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(text, -1) {
		if named[string(f[1])] = true; !written[string(f[1])] {
			t.Errorf("the README names %s, and there is none", f[1])
		}
	}
	for test := range written {
		if strings.Contains(test, "LibdnsFaults") && !named[test] {
			t.Errorf("the README does not name %s", test)
		}
	}
}
