package inbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

func TestAuthResultsAreReadByTheGrammar(t *testing.T) {
	for _, row := range []struct{ name, value, want string }{
		{"as most write it", " mx.corp.test; dkim=pass header.d=sender.test header.s=sel", "mx.corp.test dkim=pass map[header.d:sender.test header.s:sel]"},
		{"several results", "mx.corp.test;\r\n spf=pass smtp.mailfrom=a@b.test;\r\n dkim=FAIL reason=\"bad; or so\" header.d=b.test;", "mx.corp.test spf=pass map[smtp.mailfrom:a@b.test] dkim=fail map[header.d:b.test reason:bad; or so]"},
		{"comments everywhere", "(a)mx.corp.test(b (c) \\) d)1 (e); (f) dkim (g) = (h) pass (2048-bit key) header (i) . (j) d (k) = (l) sender.test (m)", "mx.corp.test dkim=pass map[header.d:sender.test]"},
		{"a version of the method", "mx.corp.test; dkim/1=pass header.d=a.test", "mx.corp.test dkim=pass map[header.d:a.test]"},
		{"an id in quotation marks", `"mx corp"; dkim=pass`, "mx corp dkim=pass map[]"},
		{"no results", "mx.corp.test; none", "mx.corp.test"},
		{"an id alone", "mx.corp.test", "mx.corp.test"},
		{"base64 with its equals signs", "mx.corp.test; dkim=pass header.b=ab12=", "mx.corp.test dkim=pass map[header.b:ab12=]"},
		{"a result within a comment", "mx.corp.test; spf=fail (; dkim=pass header.d=google.com)", "mx.corp.test spf=fail map[]"},
		{"a result within quotation marks", `mx.corp.test; spf=fail smtp.helo="x; dkim=pass header.d=google.com"`, "mx.corp.test spf=fail map[smtp.helo:x; dkim=pass header.d=google.com]"},
		{"a comment without end", "mx.corp.test; dkim=pass (", "not read"},
		{"a quotation without end", `mx.corp.test; dkim=pass reason="`, "not read"},
		{"a property twice", "mx.corp.test; dkim=pass header.d=a.test header.d=b.test", "not read"},
		{"no result", "mx.corp.test; dkim", "not read"},
		{"no value", "mx.corp.test; dkim=pass header.d=", "not read"},
		{"no id", "; dkim=pass", "not read"},
		{"nothing", "", "not read"},
		{"words between", "mx.corp.test dkim=pass", "not read"},
	} {
		t.Run(row.name, func(t *testing.T) {
			id, results, ok := parseAuthResults(row.value)
			got := id
			for _, r := range results {
				got += fmt.Sprintf(" %s=%s %v", r.method, r.result, r.properties)
			}
			if !ok {
				got = "not read"
			}
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func FuzzAuthResults(f *testing.F) {
	f.Add("mx.corp.test; dkim=pass (a (b) \\)) header . d = \"x\\\"y\"; spf=none")
	f.Add("a/1=;;(")
	f.Fuzz(func(t *testing.T, value string) {
		id, results, ok := parseAuthResults(value)
		if ok != (id != "") {
			t.Errorf("id %q, ok %v", id, ok)
		}
		for _, r := range results {
			if r.method == "" || r.result == "" {
				t.Errorf("an empty result: %+v", r)
			}
			for name := range maps.Keys(r.properties) {
				if name == "" {
					t.Errorf("a property without name: %+v", r)
				}
			}
		}
		receivedBy(value)
	})
}

// TestWhatTheOwnMXWroteCounts: the sender's key is gone, so nothing but the
// operator's own MX can tell that the signature was good.
func TestWhatTheOwnMXWroteCounts(t *testing.T) {
	const name = "mx.corp.test"
	sender, other := newSigner(t, "sender.test"), newSigner(t, "evil.test")
	report := mailOf(t, reportOf("1", "corp.test"))
	signed := sender.sign(t, report, time.Time{})
	begins := headOf([]byte(signed)).signatures()[0].tags["b"][:8]
	pass := func(d string) string {
		return "Authentication-Results: mx.corp.test;\r\n dkim=pass header.d=" + d + "\r\n"
	}
	by := func(host string) string {
		return "Received: from x (by [192.0.2.1]) by " + host + " with ESMTP; Mon, 15 Jun 2026 06:00:00 +0000\r\n"
	}
	gone := func(context.Context, string) ([]string, error) { return nil, nil }
	forMail := sender
	forMail.tags = "s=email; "
	for _, row := range []struct {
		name   string
		mail   string
		lookup LookupTXT
		want   rollout.Standing
	}{
		{"above everything", pass("sender.test") + by("mx.corp.test") + signed, gone, rollout.Vouched},
		{"below the MX's own Received", by("mx.corp.test") + pass("sender.test") + signed, gone, rollout.Vouched},
		{"below the own servers' Received", by("imap.corp.test") + by("localhost") + by("mx.corp.test") + pass("sender.test") + signed, gone, rollout.Vouched},
		{"in other case", strings.Replace(pass("Sender.Test"), "mx.corp.test", "MX.Corp.Test", 1) + signed, gone, rollout.Vouched},
		{"by a host of the sender", pass("sender.test") + sender.handSign(t, report, "", "relaxed/relaxed"), gone, rollout.Vouched},
		{"with the signature's beginning", "Authentication-Results: mx.corp.test; dkim=pass header.d=sender.test header.b=" + begins + "\r\n" + signed, gone, rollout.Vouched},
		{"by header.i alone", "Authentication-Results: mx.corp.test; dkim=pass header.i=@sender.test\r\n" + signed, gone, rollout.Vouched},
		{"another key stands there now", pass("sender.test") + signed, newSigner(t, "sender.test").lookup, rollout.Vouched},
		{"the key not to be had just now", pass("sender.test") + signed, func(context.Context, string) ([]string, error) { return nil, errors.New("timeout") }, rollout.Vouched},
		{"the key is there", pass("sender.test") + signed, sender.lookup, rollout.Verified},

		{"the key is for mail, not for reports", pass("sender.test") + signed, forMail.lookup, rollout.Unsigned},
		{"of another name", strings.Replace(pass("sender.test"), "mx.corp.test", "mx.evil.test", 1) + signed, gone, rollout.Unsigned},
		{"below one of another name", "Authentication-Results: mx.evil.test; none\r\n" + pass("sender.test") + signed, gone, rollout.Unsigned},
		{"below one that says fail", "Authentication-Results: mx.corp.test; dkim=fail header.d=sender.test\r\n" + pass("sender.test") + signed, gone, rollout.Unsigned},
		{"below one that cannot be read", "Authentication-Results: mx.corp.test; dkim=pass (\r\n" + pass("sender.test") + signed, gone, rollout.Unsigned},
		{"below the Received of a foreign host", by("mx.corp.test") + by("mx.evil.test") + pass("sender.test") + signed, gone, rollout.Unsigned},
		{"dkim=fail", strings.Replace(pass("sender.test"), "pass", "fail", 1) + signed, gone, rollout.Unsigned},
		{"another method", strings.Replace(pass("sender.test"), "dkim", "dmarc", 1) + signed, gone, rollout.Unsigned},
		{"another domain", pass("evil.test") + other.sign(t, report, time.Time{}), gone, rollout.Unsigned},
		{"the submitter's name, but another's signature", pass("sender.test") + other.sign(t, report, time.Time{}), gone, rollout.Unsigned},
		{"no signature at all", pass("sender.test") + report, gone, rollout.Unsigned},
		{"a body that was not signed", pass("sender.test") + signed + "scanned\r\n", gone, rollout.Unsigned},
		{"a changed body, the key is there", pass("sender.test") + signed + "scanned\r\n", sender.lookup, rollout.Modified},
		{"in a mail that came attached", by("mx.corp.test") + attached(pass("sender.test")+signed), gone, rollout.Unsigned},
		{"in a mail that came attached, its key not to be had just now", attached(pass("sender.test") + signed), func(context.Context, string) ([]string, error) { return nil, errors.New("timeout") }, rollout.Pending},
		{"around a mail that came attached", pass("sender.test") + attached(signed), gone, rollout.Unsigned},
		{"a mail that came attached, by its signature", attached(signed), sender.lookup, rollout.Verified},
		{"another signature's beginning", "Authentication-Results: mx.corp.test; dkim=pass header.d=sender.test header.b=zzzzzzzz\r\n" + signed, gone, rollout.Unsigned},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, signer := judgedAs(t, row.mail, row.lookup, name)
			if got != row.want || got.Proven() != (signer == "sender.test") {
				t.Errorf("standing %s by %q, want %s", got, signer, row.want)
			}
			if row.want != rollout.Vouched {
				return
			}
			if got, _ := judgedAs(t, row.mail, row.lookup); got.Proven() {
				t.Errorf("%s though nobody named the MX", got)
			}
		})
	}
}

// TestWhomOneDomainsOperatorBelievesIsNoOthers has a report about two domains of which
// one has named its MX.
func TestWhomOneDomainsOperatorBelievesIsNoOthers(t *testing.T) {
	sender := newSigner(t, "sender.test")
	both := `{"organization-name":"Sender","report-id":"1","contact-info":"tls@sender.test",` +
		`"date-range":{"start-datetime":"2026-06-14T00:00:00Z","end-datetime":"2026-06-14T23:59:59Z"},"policies":[` +
		policyOf("sts", "corp.test", 5, 0) + "," + policyOf("sts", "other.test", 5, 0) + "]}"
	mail := "Authentication-Results: mx.corp.test; dkim=pass header.d=sender.test\r\n" + sender.sign(t, mailOf(t, both), time.Time{})
	fails := func(context.Context, string) ([]string, error) { return nil, errors.New("timeout") }
	store := &shelf{}
	im := importer(store, fails)
	im.Owner = Owners(map[string][]string{"corp.test": nil, "other.test": nil})
	im.AuthServ = map[string][]string{"corp.test": {"mx.corp.test"}}
	sum, err := im.Import(t.Context(), []string{files(t, map[string]string{"1.eml": mail})}, nil)
	if err != nil || sum.Verified != 1 || sum.Pending != 1 || sum.Unverified != 0 {
		t.Fatalf("%+v, error %v; want one verified, one pending", sum, err)
	}
	for _, k := range store.kept {
		if domain := k.Report.Policies[0].Domain; (domain == "corp.test") != (k.Standing == rollout.Vouched) {
			t.Errorf("%s: %s", domain, k.Standing)
		}
	}
	im.LookupTXT = func(context.Context, string) ([]string, error) { return nil, nil }
	if n, err := im.Reverify(t.Context()); n != 1 || err != nil || !slices.Contains(slices.Collect(maps.Values(store.settled)), "unsigned") {
		t.Errorf("settled %v, error %v", store.settled, err)
	}
}

// attached is a mail that somebody forwards as an attachment.
func attached(mail string) string {
	return "From: a@evil.test\r\nDate: Mon, 15 Jun 2026 05:00:00 +0000\r\nContent-Type: multipart/mixed; boundary=\"b9\"\r\n\r\n" +
		"--b9\r\nContent-Type: message/rfc822\r\n\r\n" + mail + "\r\n--b9--\r\n"
}

// TestAnAttachedMailStaysOneWhenItIsReadAgain: its sender wrote all of it, the fields
// too that look like the MX's own, and that is not forgotten between two looks at its
// key.
func TestAnAttachedMailStaysOneWhenItIsReadAgain(t *testing.T) {
	sender := newSigner(t, "sender.test")
	signed := sender.handSign(t, mailOf(t, reportOf("1", "corp.test")), "", "relaxed/relaxed")
	forged := "Received: from x by mx.corp.test; Sun, 14 Jun 2026 04:00:00 +0000\r\n" +
		"Authentication-Results: mx.corp.test;\r\n dkim=pass header.d=sender.test\r\n" + signed
	store := &shelf{}
	im := importer(store, func(context.Context, string) ([]string, error) { return nil, errors.New("timeout") })
	mail := "Received: from y by mx.corp.test;\r\n Mon, 15 Jun 2026 06:00:00 +0000\r\n" + attached(forged)
	if _, err := im.Import(t.Context(), []string{files(t, map[string]string{"1.eml": mail})}, nil); err != nil || len(store.kept) != 1 {
		t.Fatalf("%d reports, error %v", len(store.kept), err)
	}
	kept := store.kept[0]
	if want := time.Date(2026, 6, 15, 6, 0, 0, 0, time.UTC); !kept.Arrived.Equal(want) || kept.Standing != rollout.Pending {
		t.Errorf("%s, arrived %s, want pending, %s", kept.Standing, kept.Arrived, want)
	}
	for _, row := range []struct {
		name   string
		lookup LookupTXT
		want   rollout.Standing
	}{
		{"its key is gone", func(context.Context, string) ([]string, error) { return nil, nil }, rollout.Unsigned},
		{"its key is there", sender.lookup, rollout.Verified},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := &shelf{kept: []rollout.ReceivedReport{kept}}
			im := importer(store, row.lookup)
			im.AuthServ = map[string][]string{"corp.test": {"mx.corp.test"}}
			if n, err := im.Reverify(t.Context()); n != 1 || err != nil || !strings.HasPrefix(store.settled[1], string(row.want)) {
				t.Errorf("settled %v, error %v; want %s", store.settled, err, row.want)
			}
		})
	}
}

func TestNothingIsPendingForEver(t *testing.T) {
	sender := newSigner(t, "sender.test")
	store := &shelf{}
	im := importer(store, func(context.Context, string) ([]string, error) { return nil, errors.New("timeout") })
	if _, err := im.Import(t.Context(), []string{files(t, map[string]string{"1.eml": sender.sign(t, mailOf(t, reportOf("1", "corp.test")), time.Time{})})}, nil); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		after time.Duration
		want  int
	}{{time.Hour, 0}, {29 * rollout.Day, 0}, {30 * rollout.Day, 1}} {
		im.Clock = stopped(noon.Add(row.after))
		if n, err := im.Reverify(t.Context()); n != row.want || err != nil {
			t.Errorf("after %s: settled %d, error %v; want %d", row.after, n, err, row.want)
		}
	}
	if store.settled[1] != "unsigned" {
		t.Errorf("settled as %v", store.settled)
	}
}

// TestADamagedMailStaysPending: it is judged by no key until its time is up, and does
// not count as unsigned before.
func TestADamagedMailStaysPending(t *testing.T) {
	sender := newSigner(t, "sender.test")
	store := &shelf{}
	im := importer(store, func(context.Context, string) ([]string, error) { return nil, errors.New("timeout") })
	if _, err := im.Import(t.Context(), []string{files(t, map[string]string{"1.eml": sender.sign(t, mailOf(t, reportOf("1", "corp.test")), time.Time{})})}, nil); err != nil {
		t.Fatal(err)
	}
	store.kept[0].Raw = nil
	for _, row := range []struct {
		after time.Duration
		want  int
	}{{29 * rollout.Day, 0}, {30 * rollout.Day, 1}} {
		im.Clock = stopped(noon.Add(row.after))
		if n, err := im.Reverify(t.Context()); n != row.want || err != nil {
			t.Errorf("after %s: settled %d, error %v; want %d", row.after, n, err, row.want)
		}
	}
}

// TestFailingLookupsHoldNothingUp: a stranger signs with a new selector each time and
// lets the lookups time out.
func TestFailingLookupsHoldNothingUp(t *testing.T) {
	sender := newSigner(t, "sender.test")
	content := map[string]string{}
	for i := range 40 {
		mail := strings.ReplaceAll(mailOf(t, reportOf(fmt.Sprint(i), "corp.test")), "sender.test", fmt.Sprintf("mta.stranger%d.test", i/10))
		s := signer{domain: fmt.Sprintf("mta.stranger%d.test", i/10), key: sender.key}
		content[fmt.Sprintf("%02d.eml", i)] = strings.Replace(s.sign(t, mail, time.Time{}), "s=sel", fmt.Sprintf("s=sel%d", i), 1)
	}
	content["99.eml"] = sender.sign(t, mailOf(t, reportOf("99", "corp.test")), time.Time{})
	asked := make(chan string, 100)
	im := importer(&shelf{}, func(ctx context.Context, name string) ([]string, error) {
		asked <- name
		if strings.HasSuffix(name, "sender.test") {
			return sender.lookup(ctx, name)
		}
		return nil, errors.New("timeout")
	})
	got, err := im.Import(t.Context(), []string{files(t, content)}, nil)
	if err != nil || got.Pending != 40 || got.Verified != 1 {
		t.Fatalf("%d pending, %d verified, error %v", got.Pending, got.Verified, err)
	}
	// Two workers may ask at once, so that one more of each may be under way.
	if n := len(asked); n > 4*(maxFailedOfOne+1)+1 {
		t.Errorf("%d keys were asked for", n)
	}
}

// TestStrangersKeepNoKnownSenderWaiting: however many names a forger makes up under
// which no server answers, the key of a known sender is asked for, when its report
// comes and when what is pending is tried again.
func TestStrangersKeepNoKnownSenderWaiting(t *testing.T) {
	sender := newSigner(t, "sender.test")
	content := map[string]string{}
	for i := range 2 * maxFailed {
		forger := signer{domain: fmt.Sprintf("mta.stranger%d.test", i), key: sender.key}
		content[fmt.Sprintf("%02d.eml", i)] = forger.sign(t, strings.ReplaceAll(mailOf(t, reportOf(fmt.Sprint(i), "corp.test")), "sender.test", forger.domain), time.Time{})
	}
	content["98.eml"] = sender.sign(t, mailOf(t, reportOf("98", "corp.test")), time.Time{})
	store := &shelf{}
	im := importer(store, func(context.Context, string) ([]string, error) { return nil, errors.New("timeout") })
	im.Knows = func(org string) bool { return org == "sender.test" }
	if got, err := im.Import(t.Context(), []string{files(t, content)}, nil); err != nil || got.Pending != len(content) {
		t.Fatalf("%d pending, error %v", got.Pending, err)
	}
	im.LookupTXT = func(ctx context.Context, name string) ([]string, error) {
		if strings.HasSuffix(name, "sender.test") {
			return sender.lookup(ctx, name)
		}
		return nil, errors.New("timeout")
	}
	if n, err := im.Reverify(t.Context()); n != 1 || err != nil {
		t.Errorf("settled %d, error %v; want the known sender's report", n, err)
	}
	content["99.eml"] = sender.sign(t, mailOf(t, reportOf("99", "corp.test")), time.Time{})
	if got, err := im.Import(t.Context(), []string{files(t, content)}, nil); err != nil || got.Verified != 2 {
		t.Errorf("%d verified, error %v; want those of the known sender", got.Verified, err)
	}
}
