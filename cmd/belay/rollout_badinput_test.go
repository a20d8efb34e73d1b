package main

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/providers/lab/vendor"
	"belay/rollout"
	"belay/rollout/world"
)

// refuses fails unless belay ends with this status and one sentence on the
// standard error, which has every one of the words.
func (b *box) refuses(status int, args []string, words ...string) {
	b.t.Helper()
	r := b.must(status, args...)
	sentence, help, _ := strings.Cut(strings.TrimSuffix(r.err, "\n"), "\n")
	if !strings.HasPrefix(sentence, "belay: ") || help != "" && !strings.HasSuffix(help, "--help shows how it is used.") || strings.Contains(help, "\n") {
		b.t.Errorf("belay %s: not one sentence: %q", strings.Join(args, " "), r.err)
	}
	for _, word := range words {
		if !strings.Contains(sentence, word) {
			b.t.Errorf("belay %s says %q; want %q in it", strings.Join(args, " "), sentence, word)
		}
	}
}

// finds fails unless a check ends with this status and has a finding of this code
// that says so.
func (b *box) finds(status int, domain, code, says string) {
	b.t.Helper()
	r := b.must(status, "check", domain)
	for line := range strings.Lines(r.out) {
		if strings.Contains(line, "  "+code+"  ") && strings.Contains(line, says) {
			return
		}
	}
	b.t.Errorf("no %s that says %q:\n%s", code, says, r.out)
}

// TestBadInputDomains: what is no mail domain, or takes no mail.
func TestBadInputDomains(t *testing.T) {
	b := newBox(t, lab.Options{Extra: []string{"null.test", "implicit.test", "mute.test"}})
	for _, set := range []struct{ name, typ, value string }{
		{"null.test", "MX", "0 ."}, {"implicit.test", "MX", ""}, {"implicit.test", "A", "192.0.2.11"}, {"mute.test", "MX", ""},
	} {
		var values []string
		if set.value != "" {
			values = append(values, set.value)
		}
		if err := b.SetRRset(set.name, set.typ, 300, values...); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(domain string) []string {
		return []string{"new", domain, "--dns", "rfc2136", "--host", "manual", "--rua", "mailto:a@corp.test"}
	}
	for typed, says := range map[string]string{
		"":                                "no domain was given",
		"not a domain":                    "has a space",
		"ann@corp.test":                   "is a mail address: type only what stands behind the @",
		"https://corp.test/":              "is a URL",
		"192.0.2.1":                       "is an IP address",
		"localhost":                       "is a single label",
		"corp..test":                      "empty label",
		"co.uk":                           "is a public suffix, under which others register their domains: type your own",
		strings.Repeat("a", 64) + ".test": "longer than 63 characters",
		"\x1b[2Jcorp.test":                "is not a domain name",
	} {
		b.refuses(exitCannot, []string{"check", typed}, says)
		b.refuses(exitCannot, begin(typed), says)
	}
	b.refuses(exitRefused, begin("nothere.test"), "nothere.test does not exist in DNS; check the spelling, or register it first")
	b.refuses(exitRefused, begin("null.test"), "null MX", "needs no MTA-STS")
	if out := b.must(exitGood, "status").out; !strings.Contains(out, "No rollout yet") {
		t.Errorf("something was begun: %s", out)
	}

	b.finds(exitFails, "nothere.test", "M03", "does not exist")
	b.finds(exitFails, "null.test", "M01", "accepts no mail")
	b.finds(exitFails, "mute.test", "M03", "neither an MX record nor an address")
	b.finds(exitFails, "implicit.test", "M02", "has no MX record; senders use its own address")
}

// TestBadInputImplicitMX: a domain without MX records takes mail at its own
// address (RFC 5321 section 5.1), and its policy names the domain itself.
func TestBadInputImplicitMX(t *testing.T) {
	const domain = "mx1.corp.test" // the lab has a mail host of this name
	b := newBox(t, lab.Options{Extra: []string{domain}})
	for typ, values := range map[string][]string{"MX": nil, "A": {"192.0.2.11"}, "AAAA": {"2001:db8::11"}} {
		if err := b.SetRRset(domain, typ, 300, values...); err != nil {
			t.Fatal(err)
		}
	}
	b.must(exitGood, "new", domain, "--dns", "rfc2136", "--host", "webroot:"+b.WebRootOf(domain), "--host-address", "192.0.2.20",
		"--rua", "mailto:tlsrpt@"+domain, "--soak", "testing=0", "--soak", "silent=0", "--soak", "enforce=0", "--soak", "max-age=0")
	for range 7 {
		b.settled()
		b.must(exitGood, "next", domain, "--yes")
	}
	out := b.must(exitGood, "status", domain).out
	body, err := os.ReadFile(filepath.Join(b.WebRootOf(domain), ".well-known", "mta-sts.txt"))
	if err != nil || !strings.Contains(out, "Holding") || !strings.Contains(string(body), "mode: enforce\r\nmx: "+domain+"\r\nmax_age: 2592000") {
		t.Errorf("%s\n%s%v", out, body, err)
	}
}

// TestBadInputIDN: an international domain is taken in either form, and shown with
// its A-label.
func TestBadInputIDN(t *testing.T) {
	b := newBox(t, lab.Options{Domain: "xn--bcher-kva.test"})
	b.start()
	for _, typed := range []string{"bücher.test", "BÜCHER.test.", "xn--bcher-kva.test", "XN--BCHER-KVA.TEST"} {
		if out := b.must(exitGood, "status", typed).out; !strings.HasPrefix(out, "bücher.test (xn--bcher-kva.test): ") {
			t.Errorf("%s is shown as %s", typed, out)
		}
	}
	b.refuses(exitRefused, []string{"new", "bücher.test", "--dns", "manual", "--host", "manual", "--rua", "mailto:a@b.test"}, "there is one already")
	b.to(rollout.ReviewReports)
	if got := b.Records("_mta-sts.xn--bcher-kva.test", "TXT"); len(got) != 1 {
		t.Errorf("announced: %q", got)
	}
}

// TestBadInputCredentials: a login that fails, in the middle of a rollout, costs
// nothing: belay goes on when it is mended.
func TestBadInputCredentials(t *testing.T) {
	b := newBox(t, lab.Options{})
	api := vendor.NewCloudflare(b.Domain())
	t.Cleanup(api.Close)
	api.SetNameServers("ns1."+b.Domain(), "ns2."+b.Domain())
	foreign := vendor.NewCloudflare("somebody.else")
	t.Cleanup(foreign.Close)
	api.SetHooks(vendor.Hooks{OnChange: func(name, typ string, ttl uint32, values []string) {
		if err := b.SetRRset(name, typ, ttl, values...); err != nil {
			t.Error(err)
		}
	}})
	all := []string{"#zone:read", "#dns_records:read", "#dns_records:edit"}
	b.env["CLOUDFLARE_BASE_URL"], b.env["CLOUDFLARE_API_TOKEN"] = api.URL(), api.Token
	_, _, secret := b.TSIG()

	for _, tc := range []struct {
		shows, provider string
		spoil           func()
		says            []string
	}{
		{"a wrong TSIG secret", "rfc2136", func() { b.env["RFC2136_TSIG_SECRET"] = "d3Jvbmcta2V5LXdyb25nLWtleS13cm9uZy1rZXk=" }, []string{"the TSIG key belay.corp.test (its name, secret"}},
		{"a wrong token", "cloudflare", func() { b.env["CLOUDFLARE_API_TOKEN"] = "not-the-token-0123456789" }, []string{"the token is not accepted"}},
		{"a token that may read only", "cloudflare", func() { api.SetPermissions(all[0], all[1]) }, []string{"DNS:Edit"}},
		{"a token that may not read records", "cloudflare", func() { api.SetPermissions(all[0]) }, []string{"may not read this zone's records", "DNS:Edit"}},
		{"a zone in another account", "cloudflare", func() { b.env["CLOUDFLARE_BASE_URL"], b.env["CLOUDFLARE_API_TOKEN"] = foreign.URL(), foreign.Token },
			[]string{"sees no zone", "another account"}},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b := *b
			b.t, b.state = t, t.TempDir()
			mend := func() {
				api.SetPermissions(all...)
				b.env["CLOUDFLARE_BASE_URL"], b.env["CLOUDFLARE_API_TOKEN"], b.env["RFC2136_TSIG_SECRET"] = api.URL(), api.Token, secret
			}
			defer mend()
			tc.spoil()
			b.refuses(exitCannot, []string{"new", b.Domain(), "--dns", tc.provider, "--host", "webroot:" + b.WebRoot(), "--rua", "mailto:a@corp.test"}, tc.says...)
			mend()
			b.start("--dns", tc.provider)
			b.to(rollout.PublishDNS)
			tc.spoil()
			b.refuses(exitCannot, []string{"next", b.Domain(), "--yes"}, tc.says...)
			if s := b.status(); s.Phase != rollout.PublishDNS {
				t.Errorf("the rollout is in %s", s.Phase)
			}
			mend()
			b.to(rollout.HostPolicy)
			for _, name := range []string{"_smtp._tls.", "mta-sts."} {
				for _, typ := range []string{"TXT", "A", "AAAA"} {
					if err := b.SetRRset(name+b.Domain(), typ, 300); err != nil {
						t.Fatal(err)
					}
					api.Drop(name+b.Domain(), typ)
				}
			}
		})
	}
}

// TestBadInputStores: a store that belay cannot use is named and left as it is,
// whatever was asked for.
func TestBadInputStores(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.PublishDNS)
	whole := b.state
	for _, tc := range []struct {
		shows string
		spoil func(t *testing.T, file string)
		says  []string
	}{
		{"text where the store should be", func(t *testing.T, file string) { write(t, file, []byte("dear diary\n")) },
			[]string{"is damaged; move it away and put back a copy"}},
		{"a damaged page", func(t *testing.T, file string) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			copy(text[len(text)/2:], bytes.Repeat([]byte{0xa5}, 4096))
			write(t, file, text)
		}, []string{"is damaged; move it away and put back a copy"}},
		{"half a store", func(t *testing.T, file string) {
			if err := os.Truncate(file, 8192); err != nil {
				t.Fatal(err)
			}
		}, []string{"is damaged; move it away and put back a copy"}},
		{"another program's database", func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			execute(t, file, "CREATE TABLE cookies (crumbs)")
		}, []string{"some other program's database; name another directory by --state"}},
		{"a store of a newer belay", func(t *testing.T, file string) {
			execute(t, file, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
		}, []string{"version 9999", "written by a newer belay; use that one"}},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b := *b
			b.t, b.state = t, t.TempDir()
			copyTree(t, b.state, whole)
			file := filepath.Join(b.state, "belay.db")
			tc.spoil(t, file)
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{"status"}, {"next", b.Domain(), "--yes"}, {"check", b.Domain()}, {"step-back", b.Domain(), "--yes"},
				{"new", "other.test", "--dns", "manual", "--host", "manual", "--rua", "mailto:a@corp.test"},
			} {
				b.refuses(exitCannot, args, append(tc.says, file)...)
			}
			if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed: %v", err)
			}
			if writes := b.Writes(); len(writes) > 0 {
				t.Errorf("belay wrote without a store: %v", writes)
			}
		})
	}
	b.next(exitGood)
}

// TestBadInputClocks: a clock that jumps opens no gate that waits on time, says
// so, and once it is right again has done no harm.
func TestBadInputClocks(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start("--soak", "testing=14d", "--soak", "silent=14d")
	b.to(rollout.ReviewReports)
	opens := b.Now().Add(14 * rollout.Day)
	for _, tc := range []struct {
		shows string
		off   time.Duration
		says  string
	}{
		{"two weeks and a day ahead", 15 * rollout.Day, "clock"},
		{"a hundred days ahead", 100 * rollout.Day, "expired"},
		{"an hour behind", -time.Hour, "the clock says"},
		{"a month behind", -30 * rollout.Day, "the clock says"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b := *b
			b.t = t
			b.setup = func(p *program) { p.world.Clock = wrongClock{b.World().Clock, tc.off} }
			p := b.next(exitFails)
			said := ""
			for _, r := range p.Gate.Reasons {
				said += r.Text + "\n"
			}
			if p.Moved || len(p.Edits) > 0 || !p.Gate.Until.IsZero() || !strings.Contains(said, tc.says) {
				t.Errorf("moved %t, %d edits, until %s; it says %s", p.Moved, len(p.Edits), p.Gate.Until, said)
			}
			b.setup = nil
			if p := b.next(exitFails); !p.Gate.Until.Equal(opens) {
				t.Errorf("the clock is right again, and the gate opens %s, not %s: %+v", p.Gate.Until, opens, p.Gate.Reasons)
			}
		})
	}
}

// wrongClock is off by so much.
type wrongClock struct {
	world.Clock
	off time.Duration
}

func (c wrongClock) Now() time.Time { return c.Clock.Now().Add(c.off) }

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// execute runs one statement on a database, which is made where it is not there.
func execute(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
