package dns_test

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/rollout"
)

// TestAcceptanceRefusals: for each way in which a login at a name server does not
// work, belay says what is really wrong, whatever the server's own words are.
func TestAcceptanceRefusals(t *testing.T) {
	cases := []struct {
		shows  string
		key    string
		change func(creds map[string]string)
		clock  string // by how many seconds the server's is wrong
		domain string
		says   []string
		apart  string // what is told of the clocks: they were read in whole seconds, a moment apart
	}{
		{shows: "a wrong secret", change: func(c map[string]string) { c["key"] = base64.StdEncoding.EncodeToString([]byte("of another key")) },
			says: list("knows the TSIG key rollout with hmac-sha256, but its secret is another one there")},
		{shows: "an unknown key", change: func(c map[string]string) { c["key_name"] = "rolout" },
			says: list("does not know a TSIG key rolout with hmac-sha256", "the key's name, letter by letter; its algorithm", "primary server")},
		{shows: "another algorithm", change: func(c map[string]string) { c["key_alg"] = "hmac-sha512" },
			says: list("does not know a TSIG key rollout with hmac-sha512", "its algorithm there")},
		{shows: "a key that may not change the zone", key: "xfer",
			says: list("knows the key xfer, but does not let it change _mta-sts.corp.test TXT", "update-policy", "acl")},
		{shows: "a zone that is not there", domain: "other.test",
			says: list("keeps no zone for _mta-sts.other.test", "check the zone's name")},
		{shows: "a zone whose parent alone is there", domain: "test",
			says: list("keeps no zone for _mta-sts.test")},
		{shows: "a secondary", key: "xfer", change: func(c map[string]string) { c["server"] = "127.0.0.3" },
			says: list("if this server is a secondary, name the primary (the zone's SOA record says ns1.corp.test)")},
		{shows: "a clock that is ahead", clock: "400",
			says: list("more than 5 minutes apart (", "NTP"), apart: `\(its clock is (399|400|401) s ahead\)`},
		{shows: "a clock that is behind", clock: "-3600",
			says: list("more than 5 minutes apart (", "NTP"), apart: `\(its clock is (3599|3600|3601) s behind\)`},
		{shows: "a port where nobody listens", change: func(c map[string]string) { c["server"] += ":5353" },
			says: list("nothing listens at 127.0.0.2:5353; check the name server and its port")},
	}
	onServers(t, func(t *testing.T, b testbed, software string) {
		for _, tc := range cases {
			t.Run(tc.shows, func(t *testing.T) {
				if tc.clock != "" {
					b.turn(t, "ns1-server.sh", software, tc.clock)
					t.Cleanup(func() { b.turn(t, "ns1-server.sh", software) })
				}
				if tc.key == "" {
					tc.key = "rollout"
				}
				if tc.domain == "" {
					tc.domain = domain
				}
				creds := b.creds(t, tc.key)
				if tc.change != nil {
					tc.change(creds)
				}
				a, err := dns.Open("rfc2136", creds, dns.Options{Domain: tc.domain})
				if err != nil {
					t.Fatal(err)
				}
				_, err = a.Try(ctx(t), tc.domain)
				if err == nil {
					t.Fatal("the login is found good")
				}
				t.Log(err)
				for _, says := range tc.says {
					if !strings.Contains(err.Error(), says) {
						t.Errorf("it does not say %q", says)
					}
				}
				if !regexp.MustCompile(tc.apart).MatchString(err.Error()) {
					t.Errorf("it does not say %s", tc.apart)
				}
				for _, misleads := range list("bad authentication", "no signature found", "NOTAUTH", creds["key"]) {
					if strings.Contains(err.Error(), misleads) {
						t.Errorf("it says %q", misleads)
					}
				}
			})
		}
	})
}

// TestAcceptanceWithoutPort: a name server is found at port 53 where none is
// named, and the key is proved without a write.
func TestAcceptanceWithoutPort(t *testing.T) {
	onServers(t, func(t *testing.T, b testbed, _ string) {
		before := b.serial(t)
		for _, tc := range []struct {
			server, key, says string
		}{
			{"127.0.0.2", "rollout", "read one by one (its access list does not allow one to this key)"},
			{"127.0.0.2:", "rollout-axfr", "takes signed updates of corp.test"},
			{"[127.0.0.2]", "rollout", "accepts the key rollout"},
		} {
			creds := b.creds(t, tc.key)
			creds["server"] = tc.server
			trial, err := account(t, creds).Try(ctx(t), domain)
			lines := strings.Join(trial.Lines, "\n")
			if err != nil || !strings.Contains(lines, tc.says) || strings.Contains(lines, "does not let") {
				t.Errorf("%s: %v, and no %q in:\n%s", tc.server, err, tc.says, lines)
			}
			if gave := strings.Contains(lines, "read one by one"); gave != (tc.key == "rollout") {
				t.Errorf("%s: transfer refused %v to %s:\n%s", tc.server, gave, tc.key, lines)
			}
		}
		if got := b.serial(t); got != before {
			t.Errorf("proving the key changed the zone %d times", got-before)
		}
	})
}

// TestAcceptanceDeniedName: a change that the policy does not grant to the key is
// said by name and type, and nothing changes.
func TestAcceptanceDeniedName(t *testing.T) {
	onServers(t, func(t *testing.T, b testbed, _ string) {
		before := b.serial(t)
		r, err := account(t, b.creds(t, "xfer")).Apply(ctx(t), edit("_smtp._tls", "TXT", nil, list(rpt)))
		if r.Outcome != rollout.Failed || err == nil || !strings.Contains(err.Error(), "does not let it change _smtp._tls.corp.test TXT") {
			t.Errorf("outcome %s, %v", r.Outcome, err)
		}
		if got := b.serial(t); got != before || len(b.holds("_smtp._tls."+domain, "TXT")) > 0 {
			t.Errorf("the zone was changed %d times", got-before)
		}
	})
}

// TestAcceptanceSilentRefusal: the servers say NOERROR to an address beside a
// CNAME and to a CNAME beside an address, and change nothing (RFC 2136 section
// 3.4.2.2). Belay calls neither done.
func TestAcceptanceSilentRefusal(t *testing.T) {
	onServers(t, func(t *testing.T, b testbed, _ string) {
		for _, tc := range []struct {
			shows, there, value, typ, wanted string
		}{
			{"an address beside a CNAME", "CNAME", "host.example", "A", "192.0.2.20"},
			{"a CNAME beside an address", "A", "192.0.2.20", "CNAME", "host.example"},
		} {
			t.Run(tc.shows, func(t *testing.T) {
				bench := b.bench(t, "rollout")
				name := "mta-sts." + domain
				bench.put(t, name, tc.there, tc.value)
				before := b.serial(t)
				value := tc.wanted
				if tc.typ == "CNAME" {
					value += "."
				}
				b.update(t, "update add "+name+" 60 "+tc.typ+" "+value) // which succeeds
				if got := b.holds(name, tc.typ); len(got) > 0 || b.serial(t) != before {
					t.Fatalf("the server did what no server should: %q", got)
				}
				r, err := bench.open(t, dns.Options{}).Apply(ctx(t), edit("mta-sts", tc.typ, nil, list(tc.wanted)))
				if r.Outcome != rollout.Refused || err == nil || !strings.Contains(err.Error(), tc.there+" "+tc.value+" stands at the same name") {
					t.Errorf("outcome %s, %v", r.Outcome, err)
				}
				if got := b.holds(name, tc.there); !slices.Equal(got, list(tc.value)) {
					t.Errorf("there stands now %q", got)
				}
			})
		}
	})
}

// TestAcceptanceTwoWriters: of two accounts with their own view of the zone that
// write one name at once, one is refused by the server; nothing of the other's is
// lost.
func TestAcceptanceTwoWriters(t *testing.T) {
	onServers(t, func(t *testing.T, b testbed, _ string) {
		bench := b.bench(t, "rollout")
		name := "_smtp._tls." + domain
		bench.put(t, name, "TXT", rpt)
		first, second := bench.open(t, dns.Options{}), account(t, b.creds(t, "rollout"))
		var inner rollout.Receipt
		var innerErr error
		bench.meanwhile(func() {
			inner, innerErr = second.Apply(ctx(t), edit("_smtp._tls", "TXT", list(rpt), list("second")))
		})
		r, err := first.Apply(ctx(t), edit("_smtp._tls", "TXT", list(rpt), list("first")))
		if inner.Outcome != rollout.Applied || innerErr != nil {
			t.Errorf("the quicker one: %s, %v", inner.Outcome, innerErr)
		}
		if r.Outcome != rollout.Refused || err == nil || !strings.Contains(err.Error(), "what was read no longer stands there") {
			t.Errorf("the slower one: %s, %v", r.Outcome, err)
		}
		if got := b.holds(name, "TXT"); !slices.Equal(got, list("second")) {
			t.Errorf("there stands %q", got)
		}
	})
}

// account is a login straight at the primary, as an operator gives it.
func account(t *testing.T, creds map[string]string) dns.Account {
	t.Helper()
	a, err := dns.Open("rfc2136", creds, dns.Options{Domain: domain})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
