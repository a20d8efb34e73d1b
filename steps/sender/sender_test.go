package sender

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

var now = time.Date(2026, time.November, 22, 8, 0, 0, 0, time.UTC)

// mx is an MX host with one address that shows a certificate for names.
func mx(host string, pref uint16, names ...string) rollout.MXHost {
	ip := netip.AddrFrom4([4]byte{192, 0, 2, byte(pref)})
	return rollout.MXHost{Host: host, Preference: pref, Addresses: []rollout.MXAddress{{
		IP: ip, Reachable: true, STARTTLS: true, TLSVersion: "TLS 1.3", Verdict: finding.Pass,
		Certificates: []rollout.Certificate{{Names: names}},
	}}}
}

// seen is what a look saw of corp.test: these hosts, and a policy body that is
// announced; an empty one is no policy.
func seen(body string, hosts ...rollout.MXHost) rollout.Evidence {
	e := rollout.Evidence{Domain: "corp.test", At: now, MX: hosts}
	if body != "" {
		policy, faults := mtasts.ParsePolicy([]byte(body))
		e.Record = rollout.RecordSeen{Raw: "v=STSv1; id=2;", Valid: true, ID: "2", TTL: 300}
		e.Policy = rollout.PolicySeen{Body: body, Agree: true, Valid: mtasts.Usable(faults), Policy: policy,
			Addresses: []rollout.PolicyAddress{{Answered: true, Status: 200, ContentType: "text/plain", Body: body}}}
	}
	return e
}

// fault says that the code was found at every address of host.
func fault(e rollout.Evidence, code finding.Code, host, title string) rollout.Evidence {
	for _, m := range e.MX {
		for _, a := range m.Addresses {
			if m.Host == host {
				e.Findings = append(e.Findings, finding.New(code, host+" ["+a.IP.String()+"]", title).As(finding.Fail))
			}
		}
	}
	return e
}

func body(mode string, patterns ...string) string {
	b := "version: STSv1\r\nmode: " + mode + "\r\n"
	for _, p := range patterns {
		b += "mx: " + p + "\r\n"
	}
	return b + "max_age: 86400\r\n"
}

func view(t *testing.T, vs []View, name Name) View {
	t.Helper()
	i := slices.IndexFunc(vs, func(v View) bool { return v.Name == name })
	if i < 0 {
		t.Fatalf("there is no view %s", name)
	}
	return vs[i]
}

// two are two good hosts under a policy that names both.
func two(mode string) rollout.Evidence {
	return seen(body(mode, "mx1.corp.test", "mx2.corp.test"), mx("mx1.corp.test", 10, "mx1.corp.test"), mx("mx2.corp.test", 20, "mx2.corp.test"))
}

func TestWhatBecomesOfMail(t *testing.T) {
	one := func(mode string, names ...string) rollout.Evidence {
		return seen(body(mode, "mx1.corp.test"), mx("mx1.corp.test", 10, names...))
	}
	deaf := one("enforce", "mx1.corp.test")
	deaf.MX[0].Addresses[0].Reachable, deaf.MX[0].Addresses[0].NoRoute = false, true
	for _, row := range []struct {
		name string
		e    rollout.Evidence
		view Name
		want Outcome
		to   string
		tls  TLS // of the first host
		// postfix is set where Postfix differs.
		postfix Outcome
		reports []tlsrpt.ResultType // of the first host
	}{
		{"all good, enforce", two("enforce"), Published, Deliver, "mx1.corp.test", Verified, "", nil},
		{"first host expired, second takes it", fault(two("enforce"), "M09", "mx1.corp.test", "expired"), Published, Deliver, "mx2.corp.test", "", "", []tlsrpt.ResultType{tlsrpt.CertificateExpired}},
		{"only host expired, enforce", fault(one("enforce", "mx1.corp.test"), "M09", "mx1.corp.test", "expired"), Published, Defer, "", "", "", []tlsrpt.ResultType{tlsrpt.CertificateExpired}},
		{"only host expired, testing", fault(one("testing", "mx1.corp.test"), "M09", "mx1.corp.test", "expired"), Published, Deliver, "mx1.corp.test", Unverified, "", []tlsrpt.ResultType{tlsrpt.CertificateExpired}},
		{"only host expired, testing, were it enforced", fault(one("testing", "mx1.corp.test"), "M09", "mx1.corp.test", "expired"), Enforcing, Defer, "", "", "", []tlsrpt.ResultType{tlsrpt.CertificateExpired}},
		{"only host expired, no policy", fault(one("enforce", "mx1.corp.test"), "M09", "mx1.corp.test", "expired"), Plain, Deliver, "mx1.corp.test", Unverified, "", nil},
		{"no STARTTLS, enforce", fault(one("enforce", "mx1.corp.test"), "M07", "mx1.corp.test", "no STARTTLS"), Published, Defer, "", "", "", []tlsrpt.ResultType{tlsrpt.StartTLSNotSupported}},
		{"no STARTTLS, testing", fault(one("testing", "mx1.corp.test"), "M07", "mx1.corp.test", "no STARTTLS"), Published, Deliver, "mx1.corp.test", Clear, "", []tlsrpt.ResultType{tlsrpt.StartTLSNotSupported}},
		{"handshake fails, enforce", fault(one("enforce", "mx1.corp.test"), "M08", "mx1.corp.test", "alert"), Published, Defer, "", "", "", []tlsrpt.ResultType{tlsrpt.ValidationFailure}},
		{"handshake fails, no policy", fault(one("enforce", "mx1.corp.test"), "M08", "mx1.corp.test", "alert"), Plain, Deliver, "mx1.corp.test", Clear, "", nil},
		{"TLS 1.1, enforce", fault(one("enforce", "mx1.corp.test"), "M16", "mx1.corp.test", "old"), Published, Defer, "", "", "", []tlsrpt.ResultType{tlsrpt.ValidationFailure}},
		{"untrusted, enforce", fault(one("enforce", "mx1.corp.test"), "M13", "mx1.corp.test", "self-signed"), Published, Defer, "", "", "", []tlsrpt.ResultType{tlsrpt.CertificateNotTrusted}},
		{"host down, no policy", fault(one("enforce", "mx1.corp.test"), "M05", "mx1.corp.test", "refused"), Plain, Defer, "", "", "", nil},
		{"host down, second takes it", fault(two("enforce"), "M05", "mx1.corp.test", "refused"), Published, Deliver, "mx2.corp.test", "", "", nil},
		{"not to be seen from here", deaf, Published, Unknown, "", "", "", nil},
		{"certificate of a stranger", fault(one("enforce", "www.corp.test"), "M11", "mx1.corp.test", "for www"), Published, Defer, "", "", "", []tlsrpt.ResultType{tlsrpt.CertificateHostMismatch}},
		{"certificate of the other host in the policy: Postfix takes it",
			fault(seen(body("enforce", "mx1.corp.test", "mx2.corp.test"), mx("mx2.corp.test", 20, "mx1.corp.test")), "M11", "mx2.corp.test", "for mx1"),
			Published, Defer, "", "", Deliver, []tlsrpt.ResultType{tlsrpt.CertificateHostMismatch}},
		{"host not in the policy", seen(body("enforce", "mx1.corp.test"), mx("mx9.corp.test", 10, "mx9.corp.test")), Published, Defer, "", "", "", []tlsrpt.ResultType{tlsrpt.ValidationFailure}},
		{"host not in the policy, its certificate is: Postfix takes it", seen(body("enforce", "mx1.corp.test"), mx("mx9.corp.test", 10, "mx9.corp.test", "mx1.corp.test")), Published, Defer, "", "", Deliver, []tlsrpt.ResultType{tlsrpt.ValidationFailure}},
		{"host not in the policy, testing", seen(body("testing", "mx1.corp.test"), mx("mx9.corp.test", 10, "mx9.corp.test")), Published, Deliver, "mx9.corp.test", Verified, "", []tlsrpt.ResultType{tlsrpt.ValidationFailure}},
		{"a wildcard reaches one label, Postfix's more", seen(body("enforce", "*.corp.test"), mx("a.b.corp.test", 10, "a.b.corp.test")), Published, Defer, "", "", Deliver, []tlsrpt.ResultType{tlsrpt.ValidationFailure}},
		{"mode none", fault(one("none", "mx1.corp.test"), "M09", "mx1.corp.test", "expired"), Published, Deliver, "mx1.corp.test", Unverified, "", nil},
		{"no policy at all", fault(seen("", mx("mx1.corp.test", 10)), "M09", "mx1.corp.test", "expired"), Published, Deliver, "mx1.corp.test", Unverified, "", nil},
		{"no policy at all, were the MX hosts enforced", fault(seen("", mx("mx1.corp.test", 10)), "M09", "mx1.corp.test", "expired"), Enforcing, Defer, "", "", "", []tlsrpt.ResultType{tlsrpt.CertificateExpired}},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := view(t, Views(row.e, nil, now), row.view)
			if v.Outcome != row.want || v.To != row.to || v.Postfix != row.postfix {
				t.Errorf("%s to %q, Postfix %q; want %s to %q, Postfix %q: %s", v.Outcome, v.To, v.Postfix, row.want, row.to, row.postfix, v.Why)
			}
			if a := v.Attempts[0]; a.TLS != row.tls || !slices.Equal(a.Reports, row.reports) {
				t.Errorf("%s goes by TLS %q and is reported as %v; want %q and %v", a.Host, a.TLS, a.Reports, row.tls, row.reports)
			}
			if v.Why == "" || v.About == "" {
				t.Error("the view does not explain itself")
			}
		})
	}
}

func TestOneGoodAddressIsEnough(t *testing.T) {
	e := seen(body("enforce", "mx1.corp.test"), mx("mx1.corp.test", 10, "mx1.corp.test"))
	second := e.MX[0].Addresses[0]
	second.IP = netip.MustParseAddr("2001:db8::1")
	e.MX[0].Addresses = append(e.MX[0].Addresses, second)
	e.Findings = append(e.Findings, finding.New("M09", "mx1.corp.test [2001:db8::1]", "certificate expired"))
	v := view(t, Views(e, nil, now), Published)
	if v.Outcome != Deliver || !strings.Contains(v.Attempts[0].Why, "1 of 2 addresses") {
		t.Errorf("%s: %s", v.Outcome, v.Attempts[0].Why)
	}
}

func TestDomainsThatTakeNoMail(t *testing.T) {
	null := seen("")
	null.Findings = []finding.Finding{finding.New("M01", "corp.test", "a null MX")}
	if v := view(t, Views(null, nil, now), Published); v.Outcome != Bounce {
		t.Errorf("a null MX: %s", v.Outcome)
	}
	if v := view(t, Views(seen(""), nil, now), Published); v.Outcome != Unknown {
		t.Errorf("nothing seen: %s", v.Outcome)
	}
	bare := seen(body("enforce", "mx1.corp.test"), rollout.MXHost{Host: "mx1.corp.test", Preference: 10})
	bare.Findings = []finding.Finding{finding.New("M03", "mx1.corp.test", "has no address")}
	if v := view(t, Views(bare, nil, now), Published); v.Outcome != Defer {
		t.Errorf("an MX host without address: %s", v.Outcome)
	}
}

// TestWhatStandsDecidesThePolicy: a policy that is not announced, not valid or not
// the same everywhere.
func TestWhatStandsDecidesThePolicy(t *testing.T) {
	broken := func() rollout.Evidence {
		return fault(two("enforce"), "M09", "mx1.corp.test", "expired")
	}
	quiet := broken()
	quiet.Record = rollout.RecordSeen{}
	wrong := broken()
	wrong.Record.Raw, wrong.Record.Valid = "v=STSv1; id=;", false
	gone := broken()
	gone.Policy = rollout.PolicySeen{}
	split := broken()
	split.Policy = rollout.PolicySeen{Addresses: []rollout.PolicyAddress{
		{Answered: true, Body: body("testing", "mx1.corp.test")},
		{Answered: true, Body: body("enforce", "mx1.corp.test")},
		{Answered: true, Body: "not found", Err: "status: 404"},
	}}
	for _, row := range []struct {
		name string
		e    rollout.Evidence
		mode mtasts.Mode
	}{
		{"announced and served", broken(), mtasts.Enforce}, {"not announced", quiet, ""}, {"record not valid", wrong, ""},
		{"policy cannot be fetched", gone, ""}, {"addresses differ: the strictest", split, mtasts.Enforce},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := view(t, Views(row.e, nil, now), Published)
			switch {
			case row.mode == "" && v.Policy != nil:
				t.Errorf("goes by %v", v.Policy)
			case row.mode != "" && (v.Policy == nil || v.Policy.Mode != row.mode):
				t.Errorf("goes by %v, want mode %s: %s", v.Policy, row.mode, v.About)
			}
		})
	}
}

// TestCachedPoliciesFromTheLedger: what senders hold from before, until they see a
// new id or their time is over.
func TestCachedPoliciesFromTheLedger(t *testing.T) {
	entry := func(mode string, closed time.Duration, ids ...string) rollout.LedgerEntry {
		e := rollout.NewLedgerEntry(body(mode, "mx1.corp.test"), now.Add(-30*24*time.Hour))
		e.IDs, e.Until = ids, now.Add(-closed)
		return e
	}
	e := fault(seen(body("testing", "mx9.corp.test"), mx("mx9.corp.test", 10, "mx9.corp.test")), "M09", "nobody", "")
	open := rollout.NewLedgerEntry(e.Policy.Body, now.Add(-time.Hour))
	open.IDs = []string{"2"}
	assumed := rollout.LedgerEntry{Assumed: true, Mode: mtasts.Enforce, MaxAge: mtasts.MaxAgeLimit, Until: now.Add(-time.Hour)}
	gone := e
	gone.Record = rollout.RecordSeen{}
	for _, row := range []struct {
		name   string
		e      rollout.Evidence
		l      rollout.Ledger
		want   int // cached views
		first  Outcome
		renews bool
	}{
		{"only the policy of today", e, rollout.Ledger{open}, 0, "", false},
		{"an enforced one closed an hour ago, a new id stands", e, rollout.Ledger{entry("enforce", time.Hour, "1"), open}, 1, Defer, true},
		{"the same, its id unchanged", e, rollout.Ledger{entry("enforce", time.Hour, "2")}, 1, Defer, false},
		{"the same, and no record stands", gone, rollout.Ledger{entry("enforce", time.Hour, "1")}, 1, Defer, false},
		{"one whose time is over", e, rollout.Ledger{entry("enforce", 25*time.Hour, "1"), open}, 0, "", false},
		{"one in testing", e, rollout.Ledger{entry("testing", time.Hour, "1"), open}, 1, Deliver, true},
		{"one in none", e, rollout.Ledger{entry("none", time.Hour, "1"), open}, 0, "", false},
		{"one that nobody has seen", e, rollout.Ledger{assumed, open}, 1, Unknown, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			vs := slices.DeleteFunc(Views(row.e, row.l, now), func(v View) bool { return v.Name != Cached })
			if len(vs) != row.want {
				t.Fatalf("%d cached views, want %d", len(vs), row.want)
			}
			if row.want > 0 && (vs[0].Outcome != row.first || vs[0].Renews != row.renews || !vs[0].HeldUntil.After(now)) {
				t.Errorf("%s, renews %v, held until %s; want %s, %v: %s", vs[0].Outcome, vs[0].Renews, vs[0].HeldUntil, row.first, row.renews, vs[0].Why)
			}
		})
	}
}

func TestHowPostfixComparesNames(t *testing.T) {
	for _, row := range []struct {
		name, pattern string
		want          bool
	}{
		{"mx1.corp.test", "MX1.corp.test", true}, {"mx1.corp.test", "mx2.corp.test", false},
		{"a.b.corp.test", "*.corp.test", true}, {"corp.test", "*.corp.test", false},
		{"*.corp.test", "mx1.corp.test", true}, {"*.corp.test", "a.b.corp.test", false}, {"*.corp.test", "*.corp.test", true},
	} {
		if got := postfixMatches(row.name, row.pattern); got != row.want {
			t.Errorf("certificate for %s against %s: %v", row.name, row.pattern, got)
		}
	}
}
