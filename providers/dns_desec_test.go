package providers_test

import (
	"encoding/json"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"belay/providers"
)

// TestTheRecipeForDeSECSuffices: run by a shell, it gives the token the right to write
// any type at all four names, in the zone that has them, and nothing else.
func TestTheRecipeForDeSECSuffices(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ shows, domain, zone, below string }{
		{"the domain is the zone", "corp.example", "", ""},
		{"the domain lies below its zone", "mail.corp.example", "corp.example", ".mail"},
		{"the domain lies two labels below its zone", "a.mail.corp.example", "corp.example", ".a.mail"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			p, _ := providers.Lookup(providers.DNS, "desec")
			recipe := p.RecipeFor(tc.domain)
			if tc.zone == "" {
				tc.zone = tc.domain
			} else {
				recipe = strings.Replace(recipe, "\nZONE="+tc.domain+"\n", "\nZONE="+tc.zone+"\n", 1)
			}
			c := exec.CommandContext(t.Context(), shell)
			c.Stdin = strings.NewReader("curl() { while [ $# -gt 1 ]; do shift; done; echo \"$1\"; }\n" + recipe + "\n")
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			writes := map[string]bool{} // by subname, in the zone
			for line := range strings.Lines(string(out)) {
				var policy struct {
					Domain, Subname, Type *string
					Write                 bool `json:"perm_write"`
				}
				switch err := json.Unmarshal([]byte(line), &policy); {
				case err != nil || policy.Type != nil:
					t.Errorf("%v: %s", err, line)
				case policy.Domain == nil && policy.Subname == nil && !policy.Write:
				case policy.Domain == nil || *policy.Domain != tc.zone || policy.Subname == nil || !policy.Write:
					t.Errorf("%s", line)
				default:
					writes[*policy.Subname] = true
				}
			}
			var want []string
			for _, name := range []string{"_acme-challenge.mta-sts", "_mta-sts", "_smtp._tls", "mta-sts"} {
				want = append(want, name+tc.below)
			}
			if got := slices.Sorted(maps.Keys(writes)); !slices.Equal(got, want) || strings.Count(string(out), "\n") != 5 {
				t.Errorf("it may write at %q, want %q; of\n%s", got, want, out)
			}
		})
	}
}
