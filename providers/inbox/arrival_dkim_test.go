package inbox

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"belay/rollout"

	"github.com/emersion/go-msgauth/dkim"
)

// cameIn is a mail that a server took at that time.
func cameIn(mail string, at time.Time) string {
	return "Received: from mta.sender.test by mx.corp.test\r\n with ESMTPS id 1; " + at.Format(time.RFC1123Z) + "\r\n" + mail
}

// judgedAs is what becomes of the one report in a mail, at noon.
func judgedAs(t *testing.T, mail string, lookup LookupTXT, authserv ...string) (rollout.Standing, string) {
	t.Helper()
	store := &shelf{}
	im := importer(store, lookup)
	im.AuthServ = map[string][]string{"corp.test": authserv}
	if _, err := im.Import(t.Context(), []string{files(t, map[string]string{"1.eml": mail})}, nil); err != nil {
		t.Fatal(err)
	}
	if len(store.kept) != 1 {
		t.Fatalf("%d reports stored, want 1", len(store.kept))
	}
	return store.kept[0].Standing, store.kept[0].Signer
}

// TestExpiryIsJudgedAsOfTheMailsArrival: by the machine's clock, which go-msgauth
// asks, all these signatures have expired.
func TestExpiryIsJudgedAsOfTheMailsArrival(t *testing.T) {
	sender := newSigner(t, "sender.test")
	expires := time.Date(2020, 3, 8, 12, 0, 0, 0, time.UTC)
	signed := sender.sign(t, mailOf(t, reportOf("1", "corp.test")), expires)
	before, after := expires.Add(-time.Hour), expires.Add(time.Hour)
	gone := func(context.Context, string) ([]string, error) { return nil, nil }
	for _, row := range []struct {
		name   string
		mail   string
		lookup LookupTXT
		want   rollout.Standing
	}{
		{"came in before", cameIn(signed, before), sender.lookup, rollout.Verified},
		{"came in before, line ends lost on the way to disk", strings.ReplaceAll(cameIn(signed, before), "\r\n", "\n"), sender.lookup, rollout.Verified},
		{"came in after", cameIn(signed, after), sender.lookup, rollout.Unsigned},
		{"the topmost server counts", cameIn(cameIn(signed, before), after), sender.lookup, rollout.Unsigned},
		{"no server says when", signed, sender.lookup, rollout.Unsigned},
		{"a server says nonsense", "Received: from a by b; yesterday\r\n" + signed, sender.lookup, rollout.Unsigned},
		{"before, but the body was changed", cameIn(signed, before) + "scanned\r\n", sender.lookup, rollout.Modified},
		{"before, but the subject was changed", cameIn(strings.Replace(signed, "Subject: Report", "Subject: [list] Report", 1), before), sender.lookup, rollout.Unsigned},
		{"before, but x= was changed", cameIn(strings.Replace(signed, "x=15836", "x=15846", 1), before), sender.lookup, rollout.Unsigned},
		{"before, but another key", cameIn(signed, before), newSigner(t, "sender.test").lookup, rollout.Unsigned},
		{"before, but the key is gone", cameIn(signed, before), gone, rollout.Unsigned},
		{"before, the key not to be had just now", cameIn(signed, before), func(context.Context, string) ([]string, error) { return nil, errors.New("timeout") }, rollout.Pending},
	} {
		t.Run(row.name, func(t *testing.T) {
			// go-msgauth writes t= by the machine's clock, which is after the arrival.
			if got, _ := judgedAs(t, withoutTime(t, sender, row.mail, signed, expires), row.lookup); got != row.want {
				t.Errorf("standing %s, want %s", got, row.want)
			}
		})
	}
}

// withoutTime gives a mail a signature of the same key and x= as the one in signed
// has, but without t=, which dkim.Sign always writes.
func withoutTime(t *testing.T, s signer, mail, signed string, expires time.Time) string {
	t.Helper()
	header, _, _ := strings.Cut(signed, "From: ")
	header2, _, _ := strings.Cut(strings.ReplaceAll(signed, "\r\n", "\n"), "From: ")
	own := s.handSign(t, signed[len(header):], fmt.Sprintf("x=%d; ", expires.Unix()), "relaxed/relaxed")
	ownHeader, _, _ := strings.Cut(own, "From: ")
	switch {
	case strings.Contains(mail, header):
		return strings.Replace(mail, header, ownHeader, 1)
	case strings.Contains(mail, header2):
		return strings.Replace(mail, header2, strings.ReplaceAll(ownHeader, "\r\n", "\n"), 1)
	}
	// The row changed something in the signature: change the same in ours.
	return strings.Replace(cameIn(own, expires.Add(-time.Hour)), "x=15836", "x=15846", 1)
}

// handSign signs a mail by the package's own hand, with tags of the test's choice.
func (s signer) handSign(t *testing.T, mail, tags, canonical string) string {
	t.Helper()
	algorithm := "ed25519-sha256"
	if _, ok := s.key.(*rsa.PrivateKey); ok {
		algorithm = "rsa-sha256"
	}
	h := headOf([]byte(mail))
	_, relaxed, _ := signature{tags: map[string]string{"c": canonical}}.canonical()
	body := crypto.SHA256.New()
	body.Write(canonicalBody(h.body, relaxed))
	field := fmt.Sprintf("DKIM-Signature: v=1; a=%s; c=%s; d=%s; s=sel; %s\r\n\th=From:To:Subject:From; bh=%s;\r\n\tb=",
		algorithm, canonical, s.domain, tags, base64.StdEncoding.EncodeToString(body.Sum(nil)))
	own := headOf([]byte(field + "\r\n\r\n"))
	over, err := own.signatures()[0].signedHeader(headed{fields: append(own.fields, h.fields...), body: h.body})
	if err != nil {
		t.Fatal(err)
	}
	sum := crypto.SHA256.New()
	sum.Write(over)
	value, hash := sum.Sum(nil), crypto.Hash(0)
	if algorithm == "rsa-sha256" {
		hash = crypto.SHA256
	}
	b, err := s.key.Sign(rand.Reader, value, hash)
	if err != nil {
		t.Fatal(err)
	}
	return field + base64.StdEncoding.EncodeToString(b) + "\r\n" + mail
}

// TestOwnHandAgreesWithGoMsgauth holds the steps that are belay's own, for
// signatures that expired since, to those of go-msgauth where both can be asked.
func TestOwnHandAgreesWithGoMsgauth(t *testing.T) {
	ed := newSigner(t, "sender.test")
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	report := mailOf(t, reportOf("1", "corp.test"))
	report = strings.Replace(report, "\r\n\r\n--b1", "\r\n\r\n prose \t with   white space  \r\n\r\n--b1", 1) + "\r\n\r\n"
	for _, s := range []signer{ed, {domain: "sender.test", key: long}} {
		record := recordOf(t, s)
		for _, header := range []dkim.Canonicalization{"simple", "relaxed"} {
			for _, body := range []dkim.Canonicalization{"simple", "relaxed"} {
				var signed bytes.Buffer
				err := dkim.Sign(&signed, strings.NewReader(report), &dkim.SignOptions{Domain: s.domain, Selector: "sel", Signer: s.key,
					HeaderCanonicalization: header, BodyCanonicalization: body})
				if err != nil {
					t.Fatal(err)
				}
				theirs := signed.String()
				for name, mail := range map[string]string{
					"as signed":        theirs,
					"by our own hand":  s.handSign(t, report, "", string(header)+"/"+string(body)),
					"body changed":     theirs + "x\r\n",
					"subject changed":  strings.Replace(theirs, "Subject: ", "Subject: x", 1),
					"folded anew":      strings.Replace(theirs, "Submitter: sender.test", "Submitter:\r\n\tsender.test", 1),
					"more empty lines": theirs + "\r\n\r\n",
					"white space":      strings.Replace(theirs, "prose \t with", "prose with", 1),
					"a From more":      "From: evil@evil.test\r\n" + theirs,
					"a tag twice":      strings.Replace(theirs, "d=sender.test", "d=sender.test; d=sender.test", 1),
					"no From in h=":    strings.NewReplacer("h=From:", "h=", ":From", "").Replace(theirs),
					"i= of another":    strings.Replace(theirs, "d=sender.test", "d=sender.test; i=@evil.test", 1),
					"v= of another":    strings.Replace(theirs, "v=1", "v=2", 1),
				} {
					v, err := dkim.VerifyWithOptions(strings.NewReader(mail), &dkim.VerifyOptions{LookupTXT: func(string) ([]string, error) { return []string{record}, nil }})
					if err != nil || len(v) != 1 {
						t.Fatalf("%s/%s %s: %v", header, body, name, err)
					}
					h := headOf([]byte(mail))
					own := h.signatures()[0].verify(h, []string{record})
					if (own == nil) != (v[0].Err == nil) {
						t.Errorf("%s/%s %s: go-msgauth %v, ours %v", header, body, name, v[0].Err, own)
					}
				}
			}
		}
	}
}

// recordOf is the key record of a signer.
func recordOf(t *testing.T, s signer) string {
	t.Helper()
	switch key := s.key.Public().(type) {
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key)
	default:
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	}
}

func TestWeakSignaturesAreNone(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	short, err := rsa.GenerateKey(rand.Reader, 768)
	if err != nil {
		t.Fatal(err)
	}
	enough, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	mail := mailOf(t, reportOf("1", "corp.test"))
	past := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	x := fmt.Sprintf("x=%d; ", past.Unix())
	for _, row := range []struct {
		name string
		key  crypto.Signer
		edit func(string) string
		tags string
		want rollout.Standing
	}{
		{"RSA of 1024 bits", enough, nil, "", rollout.Verified},
		{"RSA of 768 bits", short, nil, "", rollout.Unsigned},
		{"SHA-1", enough, func(s string) string { return strings.Replace(s, "rsa-sha256", "rsa-sha1", 1) }, "", rollout.Unsigned},
		{"a part of the body", enough, nil, "l=100; ", rollout.Unsigned},
		{"no algorithm known", enough, func(s string) string { return strings.Replace(s, "rsa-sha256", "rsa-md5", 1) }, "", rollout.Unsigned},
	} {
		for _, expired := range []string{"", x} {
			t.Run(fmt.Sprintf("%s, expired since %v", row.name, expired != ""), func(t *testing.T) {
				s := signer{domain: "sender.test", key: row.key}
				signed := s.handSign(t, mail, row.tags+expired, "relaxed/relaxed")
				if row.edit != nil {
					signed = row.edit(signed)
				}
				lookup := func(context.Context, string) ([]string, error) { return []string{recordOf(t, s)}, nil }
				if got, _ := judgedAs(t, cameIn(signed, past.Add(-time.Hour)), lookup); got != row.want {
					t.Errorf("standing %s, want %s", got, row.want)
				}
			})
		}
	}
}

func TestASignatureMadeAfterItsMailCameInIsNone(t *testing.T) {
	sender := newSigner(t, "sender.test")
	came := time.Date(2026, 6, 15, 6, 0, 0, 0, time.UTC)
	for made, want := range map[time.Time]rollout.Standing{
		came.Add(-time.Hour):     rollout.Verified,
		came.Add(time.Hour):      rollout.Verified, // clocks differ
		came.Add(48 * time.Hour): rollout.Unsigned,
	} {
		signed := sender.handSign(t, mailOf(t, reportOf("1", "corp.test")), fmt.Sprintf("t=%d; ", made.Unix()), "relaxed/relaxed")
		if got, _ := judgedAs(t, cameIn(signed, came), sender.lookup); got != want {
			t.Errorf("made %s after: %s, want %s", made.Sub(came), got, want)
		}
	}
}
