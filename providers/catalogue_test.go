package providers_test

import (
	"encoding/json"
	"strings"
	"testing"

	"belay/providers"
)

func TestCatalogueIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range providers.Catalogue() {
		key := string(p.Kind) + "/" + p.ID
		if seen[key] {
			t.Errorf("%s stands twice", key)
		}
		seen[key] = true
		if p.Kind == providers.DNS && p.Writes == "" {
			t.Errorf("%s does not say what carries its writes", p.ID)
		}
		if p.Label == "" || p.About == "" || p.Tested == "" || p.Rights == "" {
			t.Errorf("%s lacks a label, what it does, what was tested or its rights: %+v", key, p)
		}
		for _, f := range p.Fields {
			if f.Key == "" || f.Label == "" {
				t.Errorf("%s has a field without key or label: %+v", key, f)
			}
			if f.Secret && len(f.Env) == 0 {
				t.Errorf("%s: the secret %s has no environment variable, and it must never be a flag", key, f.Key)
			}
		}
	}
	for _, want := range []string{"dns/cloudflare", "dns/route53", "dns/rfc2136", "dns/manual", "host/webroot", "host/manual", "inbox/files", "inbox/maildir"} {
		if !seen[want] {
			t.Errorf("%s is missing", want)
		}
	}
}

// Whoever gives belay a login is told how to give it no more than it needs.
func TestEveryLoginHasARecipeOfItsLeastRights(t *testing.T) {
	for _, p := range providers.Of(providers.DNS) {
		if len(p.Fields) == 0 {
			continue
		}
		recipe := p.RecipeFor("corp.example")
		if recipe == "" || strings.Contains(recipe, "DOMAIN") || strings.ContainsAny(recipe, "\t\r\x1b") {
			t.Errorf("%s has the recipe %q", p.ID, recipe)
		}
		if p.RecipeFor("") != p.Recipe {
			t.Errorf("%s: without a domain the recipe is another", p.ID)
		}
	}
	aws, _ := providers.Lookup(providers.DNS, "route53")
	_, policy, _ := strings.Cut(aws.RecipeFor("corp.example"), "\n")
	if !json.Valid([]byte(policy)) || !strings.Contains(policy, `"_acme-challenge.mta-sts.corp.example"`) {
		t.Errorf("the IAM policy is\n%s", policy)
	}
}

func TestWhatIsNotInTheBinarySaysHowToBuildIt(t *testing.T) {
	for _, p := range providers.Catalogue() {
		how := p.Unbuilt()
		if p.Built == (how != "") || p.Tag == "" && !p.Built || !p.Built && !strings.Contains(how, "-tags "+p.Tag) {
			t.Errorf("%s: tag %q, built %v, %q", p.ID, p.Tag, p.Built, how)
		}
	}
}

func TestLookupTellsKindsApart(t *testing.T) {
	d, ok := providers.Lookup(providers.DNS, "manual")
	h, ok2 := providers.Lookup(providers.Host, "manual")
	if !ok || !ok2 || d.Kind != providers.DNS || h.Kind != providers.Host {
		t.Fatalf("manual for DNS is %+v, for hosts %+v", d, h)
	}
	if _, ok := providers.Lookup(providers.DNS, "webroot"); ok {
		t.Fatal("webroot was found among the DNS providers")
	}
}

func TestRFC2136ReadsTheNamesOfTheManual(t *testing.T) {
	p, _ := providers.Lookup(providers.DNS, "rfc2136")
	for key, env := range map[string]string{
		"server": "RFC2136_NAMESERVER", "key_name": "RFC2136_TSIG_KEY",
		"key_alg": "RFC2136_TSIG_ALGORITHM", "key": "RFC2136_TSIG_SECRET",
	} {
		f, ok := p.Field(key)
		if !ok || len(f.Env) == 0 || f.Env[0] != env {
			t.Errorf("%s is read from %v, want %s first", key, f.Env, env)
		}
	}
}

func TestEnvironmentNames(t *testing.T) {
	f := providers.Field{Env: []string{"CLOUDFLARE_API_TOKEN", "CF_DNS_API_TOKEN"}}
	for _, tc := range []struct{ shows, account, want string }{
		{"the usual account", "", "CLOUDFLARE_API_TOKEN CLOUDFLARE_API_TOKEN_FILE CF_DNS_API_TOKEN CF_DNS_API_TOKEN_FILE"},
		{"another account, in upper case", "work", "CLOUDFLARE_API_TOKEN_WORK CLOUDFLARE_API_TOKEN_WORK_FILE CF_DNS_API_TOKEN_WORK CF_DNS_API_TOKEN_WORK_FILE"},
		{"an account whose name no variable can have", "east-2", "CLOUDFLARE_API_TOKEN_EAST_2 CLOUDFLARE_API_TOKEN_EAST_2_FILE CF_DNS_API_TOKEN_EAST_2 CF_DNS_API_TOKEN_EAST_2_FILE"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			var got []string
			for _, n := range f.Names(tc.account) {
				got = append(got, n.Name)
				if n.File != strings.HasSuffix(n.Name, "_FILE") {
					t.Errorf("%s: File is %v", n.Name, n.File)
				}
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("got %s, want %s", strings.Join(got, " "), tc.want)
			}
		})
	}
}

func TestByNameServers(t *testing.T) {
	for _, tc := range []struct {
		shows     string
		ns        []string
		id, label string
	}{
		{"Cloudflare's pair", []string{"ada.ns.cloudflare.com.", "Bob.NS.cloudflare.com"}, "cloudflare", "Cloudflare"},
		{"Route 53's four top-level domains", []string{"ns-1.awsdns-00.com", "ns-2.awsdns-63.net", "ns-3.awsdns-10.org", "ns-4.awsdns-44.co.uk"}, "route53", "Amazon Route 53"},
		{"one that is known and not supported", []string{"ns1.dnsimple.com"}, "", "DNSimple"},
		{"deSEC's two domains", []string{"ns1.desec.io", "ns2.desec.org"}, "desec", "deSEC"},
		{"a name that only ends in the same letters", []string{"ns.notcloudflare.com", "xns.cloudflare.com.evil.example"}, "", ""},
		{"two providers together", []string{"ada.ns.cloudflare.com", "ns-1.awsdns-00.com"}, "", ""},
		{"a supported one beside an unknown one", []string{"ada.ns.cloudflare.com", "ns1.corp.test"}, "", ""},
		{"an own server", []string{"ns1.corp.test"}, "", ""},
		{"a wildcard in a label", []string{"ns-cloud-a1.googledomains.com"}, "googleclouddns", "Google Cloud DNS"},
		{"none", nil, "", ""},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			if id := providers.ByNameServers(tc.ns); id != tc.id {
				t.Errorf("id %q, want %q", id, tc.id)
			}
			if label := providers.ServedBy(tc.ns); label != tc.label {
				t.Errorf("label %q, want %q", label, tc.label)
			}
		})
	}
}
