package inbox

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/world"

	"github.com/emersion/go-msgauth/dkim"
)

// maxSignatures bounds the signatures that are tried on one mail.
const maxSignatures = 8

// How go-msgauth says that the body hash does not match, and that x= lies before the
// machine's time; it has no types for them. A test holds this to be so.
const (
	bodyChanged = "dkim: body hash did not verify"
	expired     = "dkim: signature has expired"
)

// A judge says how far a mail is believed.
type judge struct {
	keys  *keys
	clock world.Clock
	// authserv are, by policy domain, the ids of its operator's own servers in
	// Authentication-Results fields that are believed.
	authserv map[string][]string
}

func (im *Importer) judge() judge {
	return judge{keys: newKeys(im.LookupTXT, im.Knows), clock: im.Clock, authserv: im.AuthServ}
}

// ahead is how far a signature's t= may be ahead of the clock of the server that took
// the mail.
const ahead = 24 * time.Hour

// standing verifies the DKIM signatures of a mail, as it came, that align with the
// claim; one that verifies is enough. signer is the organisational domain of its d=,
// empty unless the standing is proven.
//
// A signature is judged as of the mail's arrival: one that had not expired (x=) when
// the last server took the mail is good, however much later it is read, and one
// that says it was made (t=) a day and more after that never is. Where no Received
// field says when that was, x= is held against now. Of a mail that came attached to
// another the arrival is that other one's. One with l= covers only part of the body and is
// never accepted, nor one by SHA-1 or an RSA key of less than 1024 bits (RFC 8301).
//
// Where no signature can be verified, but the body is the signed one, what the
// operator's own MX wrote under one of ids counts; see vouched. It wrote nothing into a mail that came
// attached to another: whoever sent that one wrote all of it.
func (j judge) standing(ctx context.Context, a attachment, c claim, ids []string) (s rollout.Standing, signer string) {
	raw := a.raw
	if c.submitter == "" || !mentionsSignature(raw) {
		return rollout.Unsigned, ""
	}
	barred := false
	lookup := func(name string) ([]string, error) {
		if _, d, ok := strings.Cut(name, "._domainkey."); !ok || !c.aligns(d) {
			return nil, nil // not asked: it could not count
		}
		records, err := j.keys.get(ctx, strings.ToLower(name))
		if errors.Is(err, errOtherService) {
			barred = true
			return nil, nil
		}
		return records, err
	}
	seen, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{
		LookupTXT: lookup, MaxVerifications: maxSignatures,
	})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return rollout.Unsigned, ""
	}
	mail := sync.OnceValue(func() headed { return headOf(raw) })
	came := sync.OnceValue(func() time.Time { return headOf(a.kept[:min(len(a.kept), headerLooked)]).received() })
	s = rollout.Unsigned
	for i, v := range seen {
		if !c.aligns(v.Domain) {
			continue
		}
		err := v.Err
		if !v.Expiration.IsZero() || !v.Time.IsZero() {
			err = j.asOfArrival(mail(), came(), i, v, lookup)
		}
		switch {
		case err == nil:
			return rollout.Verified, orgDomain(v.Domain)
		case dkim.IsTempFail(err) || errors.As(err, new(notNow)):
			s = rollout.Pending
		case err.Error() == bodyChanged && s == rollout.Unsigned:
			s = rollout.Modified
		}
	}
	if s == rollout.Verified || s == rollout.Modified || barred || a.forwarded || len(ids) == 0 {
		return s, ""
	}
	if org, ok := vouched(mail(), c, ids); ok {
		return rollout.Vouched, org
	}
	return s, ""
}

// asOfArrival is why the i-th signature of a mail, which go-msgauth judged as v by
// the machine's clock, does not hold as of when the mail came in, which is zero where
// nothing says that.
func (j judge) asOfArrival(h headed, came time.Time, i int, v *dkim.Verification, lookup func(string) ([]string, error)) error {
	at := j.clock.Now()
	if !came.IsZero() && came.Before(at) {
		at = came
	}
	signatures := h.signatures()
	switch {
	case !v.Expiration.IsZero() && at.After(v.Expiration):
		return errors.New("the signature had expired")
	case !came.IsZero() && v.Time.After(came.Add(ahead)):
		return errors.New("the signature was made after the mail came in")
	case v.Err == nil || v.Err.Error() != expired || i >= len(signatures):
		return v.Err
	}
	s := signatures[i]
	records, err := lookup(s.tags["s"] + "._domainkey." + s.domain())
	if err != nil {
		return err
	}
	return s.verify(h, records)
}

// mentionsSignature saves the work where there is no signature at all.
func mentionsSignature(raw []byte) bool {
	e, err := cutEntity(raw)
	if err != nil {
		return true
	}
	_, n := e.get("DKIM-Signature")
	return n > 0
}
