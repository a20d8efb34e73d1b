package dns_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

func route53Entrant() entrant {
	said := func(status int, code, message string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "text/xml", Body: fmt.Sprintf(`<?xml version="1.0"?><ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r</RequestId></ErrorResponse>`, code, message)}
	}
	with := func(change func(*vendor.Route53, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newRoute53(t)
			change(srv, b.creds)
			return b
		}
	}
	return entrant{
		start: route53Bench,
		refusals: []refusal{
			{"401", said(401, "ExpiredToken", "The security token is expired"), "session has expired", false},
			{"403", said(403, "AccessDenied", "not authorized to perform: route53:ChangeResourceRecordSets"), "lack the right route53:ChangeResourceRecordSets", false},
			{"404", said(404, "NoSuchHostedZone", "No route for that"), "no such hosted zone", false},
			{"409", said(409, "InvalidInput", "conflicting record"), "conflicting record", false},
			{"429", said(400, "Throttling", "Rate exceeded"), "too many requests", true},
			{"500", said(500, "InternalFailure", "internal"), "InternalFailure", true},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "not Route 53's XML", false},
			{"a secret that the answer repeats", said(400, "InvalidInput", "bad header SECRET"), "(secret)", false},
		},
		misfits: []misfit{
			{"an unknown access key", with(func(_ *vendor.Route53, c map[string]string) { c["access_key_id"] = "AKIDWRONG" }), domain, "", "does not know this access key"},
			{"no right to list zones", with(func(s *vendor.Route53, _ map[string]string) { s.Deny("route53:ListHostedZonesByName") }), domain, "", "lack the right route53:ListHostedZonesByName"},
			{"no right to read the zone", with(func(s *vendor.Route53, _ map[string]string) { s.Deny("route53:ListResourceRecordSets") }), domain, "", "lack the right route53:ListResourceRecordSets"},
			{"a zone in another account", route53Bench, "other.test", "", "another account"},
			{"a private zone alone", with(func(s *vendor.Route53, _ map[string]string) { s.AddZone("ZPRIVATE", "inner.test", true) }), "inner.test", "", "only a private hosted zone"},
			{"two public zones of one name", with(func(s *vendor.Route53, _ map[string]string) { s.AddZone("ZSECOND", domain, false) }), domain, "", "ZSECOND"},
			{"an id that is not the zone's", with(func(_ *vendor.Route53, c map[string]string) { c["hosted_zone_id"] = "ZWRONG" }), domain, "", "ZWRONG"},
		},
	}
}

func route53Bench(t *testing.T) bench {
	b, _ := newRoute53(t)
	return b
}

func newRoute53(t *testing.T) (bench, *vendor.Route53) {
	srv := vendor.NewRoute53(domain)
	t.Cleanup(srv.Close)
	// The SDK reads its address and the machine's own credentials from these.
	t.Setenv("AWS_ENDPOINT_URL_ROUTE_53", srv.URL())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	b := bench{
		provider:  "route53",
		secretKey: "secret_access_key",
		creds:     map[string]string{"access_key_id": srv.AccessKeyID, "secret_access_key": "very-secret-access-key"},
		writes:    srv.Writes,
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		s := vendor.Route53Set{Name: name, Type: typ, TTL: stoodTTL}
		for _, v := range values {
			if typ == "TXT" {
				v = quoted(v, `\"`)
			}
			s.Values = append(s.Values, v)
		}
		srv.Put(s)
	}
	b.watch(srv)
	return b, srv
}

// TestRoute53SpellsAsItStands: Route 53 compares spellings. What somebody cut into
// strings or escaped in another way than belay would is changed and deleted all the
// same, and so is a set in a zone that libdns cannot read whole.
func TestRoute53SpellsAsItStands(t *testing.T) {
	const name = "_mta-sts." + domain
	for _, tc := range []struct {
		shows, spelled string
		beside         []vendor.Route53Set
	}{
		{"in two strings", `"v=STSv1; " "id=20261101T000000Z;"`, nil},
		{"with an escape that is not needed", `"v=STSv1;\040id=20261101T000000Z;"`, nil},
		{"beside a record that libdns has no type for", `"` + sts1 + `"`, []vendor.Route53Set{
			{Name: "odd." + domain, Type: "SRV", TTL: 300, Values: []string{"1 1 25 mx1.corp.test."}}}},
	} {
		for _, after := range [][]string{list(sts2), nil} {
			t.Run(tc.shows, func(t *testing.T) {
				b, srv := newRoute53(t)
				srv.Put(vendor.Route53Set{Name: name, Type: "TXT", TTL: 300, Values: []string{tc.spelled}})
				for _, s := range tc.beside {
					srv.Put(s)
				}
				r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", list(sts1), after))
				if got := b.holds(name, "TXT"); r.Outcome != rollout.Applied || err != nil || !slices.Equal(got, after) {
					t.Errorf("%s, %v; there stands %q", r.Outcome, err, got)
				}
			})
		}
	}
}

// TestRoute53ConflictIsNoDrift: a name that another type holds was not changed by
// somebody else meanwhile; it is told as what it is.
func TestRoute53ConflictIsNoDrift(t *testing.T) {
	b, srv := newRoute53(t)
	b.meanwhile(func() {
		srv.Put(vendor.Route53Set{Name: "mta-sts." + domain, Type: "A", TTL: 300, Values: []string{"192.0.2.20"}})
	})
	r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("mta-sts", "CNAME", nil, list("policy.host.example")))
	if r.Outcome != rollout.Failed || errors.Is(err, rollout.ErrStale) || !strings.Contains(err.Error(), "conflicting") {
		t.Errorf("%s, %v", r.Outcome, err)
	}
}

// TestRoute53TakesItsConfigurationOnce: an account that is open needs no file any
// more, whatever it goes on to do.
func TestRoute53TakesItsConfigurationOnce(t *testing.T) {
	b, srv := newRoute53(t)
	file := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("[profile belay]\naws_access_key_id = %s\naws_secret_access_key = %s\n", srv.AccessKeyID, b.secret())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	b.creds = map[string]string{"profile": "belay"}
	a := b.open(t, dns.Options{})
	for i, e := range []rollout.Edit{
		edit("_mta-sts", "TXT", nil, list(sts1)),
		edit("_mta-sts", "TXT", list(sts1), list(sts2)),
		edit("_mta-sts", "TXT", list(sts2), nil),
	} {
		if i == 2 {
			if err := os.WriteFile(file, []byte("[profile other\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := a.Apply(ctx(t), e); r.Outcome != rollout.Applied || err != nil {
			t.Errorf("%s: %s, %v", e, r.Outcome, err)
		}
	}
}
