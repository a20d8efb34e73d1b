package inbox

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

func TestStanding(t *testing.T) {
	sender := newSigner(t, "sender.test")
	mx := newSigner(t, "mta.sender.test")
	mx.domain = "mta.sender.test"
	other := newSigner(t, "evil.test")
	forReports, forEmail, forAny := sender, sender, sender
	forReports.tags, forEmail.tags, forAny.tags = "s=tlsrpt; ", "s=email; ", "s=email:*; "
	mail := mailOf(t, reportOf("1", "corp.test"))
	never := time.Time{}
	signed := sender.sign(t, mail, never)

	for _, row := range []struct {
		name   string
		mail   string
		lookup LookupTXT
		want   rollout.Standing
		signer string
	}{
		{"signed by the submitter", signed, sender.lookup, rollout.Verified, "sender.test"},
		{"line ends lost on the way to disk", strings.ReplaceAll(signed, "\r\n", "\n"), sender.lookup, rollout.Verified, "sender.test"},
		{"signed by a host of the submitter", mx.sign(t, mail, never), mx.lookup, rollout.Verified, "sender.test"},
		{"key for reports only", signed, forReports.lookup, rollout.Verified, "sender.test"},
		{"key for any service", signed, forAny.lookup, rollout.Verified, "sender.test"},
		{"key for email only", signed, forEmail.lookup, rollout.Unsigned, ""},
		{"a second signature aligns", other.sign(t, signed, never), sender.lookup, rollout.Verified, "sender.test"},
		{"not signed", mail, sender.lookup, rollout.Unsigned, ""},
		{"signed by somebody else", other.sign(t, mail, never), other.lookup, rollout.Unsigned, ""},
		{"From is somebody else", other.sign(t, strings.Replace(mail, "tls@sender.test", "tls@evil.test", 1), never), other.lookup, rollout.Unsigned, ""},
		{"footer added by a gateway", signed + "-- \r\nscanned\r\n", sender.lookup, rollout.Modified, ""},
		{"subject changed", strings.Replace(signed, "Subject: Report", "Subject: [list] Report", 1), sender.lookup, rollout.Unsigned, ""},
		{"no such key", signed, func(context.Context, string) ([]string, error) { return nil, nil }, rollout.Unsigned, ""},
		{"no such key, by error", signed, func(context.Context, string) ([]string, error) {
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		}, rollout.Unsigned, ""},
		{"key cannot be looked up", signed, func(context.Context, string) ([]string, error) { return nil, errors.New("timeout") }, rollout.Pending, ""},
		{"no resolver", signed, nil, rollout.Pending, ""},
		{"covers part of the body", strings.Replace(signed, "DKIM-Signature: ", "DKIM-Signature: l=10; ", 1), sender.lookup, rollout.Unsigned, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := &shelf{}
			dir := files(t, map[string]string{"1.eml": row.mail})
			if _, err := importer(store, row.lookup).Import(t.Context(), []string{dir}, nil); err != nil {
				t.Fatal(err)
			}
			if len(store.kept) != 1 {
				t.Fatalf("%d reports stored, want 1", len(store.kept))
			}
			got := store.kept[0]
			if got.Standing != row.want || got.Signer != row.signer {
				t.Errorf("standing %s signer %q, want %s %q", got.Standing, got.Signer, row.want, row.signer)
			}
		})
	}
}

func TestKeysOfStrangersAreNotAskedFor(t *testing.T) {
	other := newSigner(t, "evil.test")
	mail := other.sign(t, mailOf(t, reportOf("1", "corp.test")), time.Time{})
	dir := files(t, map[string]string{"1.eml": mail})
	lookup := func(_ context.Context, name string) ([]string, error) {
		t.Errorf("asked for %s", name)
		return nil, nil
	}
	if _, err := importer(&shelf{}, lookup).Import(t.Context(), []string{dir}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestKeyIsAskedForOnce(t *testing.T) {
	sender := newSigner(t, "sender.test")
	content := make(map[string]string)
	for _, id := range []string{"1", "2", "3", "4", "5"} {
		content[id+".eml"] = sender.sign(t, mailOf(t, reportOf(id, "corp.test")), time.Time{})
	}
	asked := make(chan string, 10)
	lookup := func(ctx context.Context, name string) ([]string, error) {
		asked <- name
		return sender.lookup(ctx, name)
	}
	got, err := importer(&shelf{}, lookup).Import(t.Context(), []string{files(t, content)}, nil)
	if err != nil || got.Verified != 5 {
		t.Fatalf("verified %d of 5, error %v", got.Verified, err)
	}
	if n := len(asked); n != 1 {
		t.Errorf("the key was asked for %d times", n)
	}
}

func TestSignatureExpiresByTheClock(t *testing.T) {
	sender := newSigner(t, "sender.test")
	expires := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := files(t, map[string]string{"1.eml": sender.sign(t, mailOf(t, reportOf("1", "corp.test")), expires)})
	for now, want := range map[time.Time]rollout.Standing{
		expires.Add(-time.Hour): rollout.Verified,
		expires.Add(time.Hour):  rollout.Unsigned,
	} {
		store := &shelf{}
		im := importer(store, sender.lookup)
		im.Clock = stopped(now)
		if _, err := im.Import(t.Context(), []string{dir}, nil); err != nil {
			t.Fatal(err)
		}
		if got := store.kept[0].Standing; got != want {
			t.Errorf("at %s: %s, want %s", now, got, want)
		}
	}
}

func TestReverifySettlesWhatCanBeJudged(t *testing.T) {
	sender := newSigner(t, "sender.test")
	good := sender.sign(t, mailOf(t, reportOf("1", "corp.test")), time.Time{})
	bad := sender.sign(t, mailOf(t, reportOf("2", "corp.test")), time.Time{}) + "footer\r\n"
	store := &shelf{}
	im := importer(store, func(context.Context, string) ([]string, error) { return nil, errors.New("timeout") })
	if got, err := im.Import(t.Context(), []string{files(t, map[string]string{"1.eml": good, "2.eml": bad})}, nil); err != nil || got.Pending != 2 {
		t.Fatalf("%d pending, error %v; want 2", got.Pending, err)
	}
	if n, err := im.Reverify(t.Context()); n != 0 || err != nil {
		t.Fatalf("while the key cannot be had: settled %d, error %v", n, err)
	}
	im.LookupTXT = sender.lookup
	if n, err := im.Reverify(t.Context()); n != 2 || err != nil {
		t.Fatalf("settled %d, error %v; want 2", n, err)
	}
	if store.settled[1] != "verified sender.test" || store.settled[2] != "modified" {
		t.Errorf("settled as %v", store.settled)
	}
}
