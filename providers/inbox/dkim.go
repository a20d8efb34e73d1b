package inbox

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"belay/rollout"
	"belay/rollout/world"

	"github.com/emersion/go-msgauth/dkim"
)

// maxSignatures bounds the signatures that are tried on one mail.
const maxSignatures = 8

// bodyChanged is how go-msgauth says that the body hash does not match; it has
// no type for it. A test holds this to be so.
const bodyChanged = "dkim: body hash did not verify"

// A judge says how far a mail is believed.
type judge struct {
	keys  *keys
	clock world.Clock
}

// standing verifies the DKIM signatures of a mail, as it came, that align with
// the claim; one that verifies is enough. signer is the organisational domain of
// its d=, empty unless Verified. A signature with l= covers only part of the
// body and is never accepted. One past its x= has expired, by the clock; and by
// the machine's own time too, which go-msgauth asks and cannot be told otherwise.
// So reports are to be taken in within a few days of their arrival: Google's
// signatures last a week.
func (j judge) standing(ctx context.Context, raw []byte, c claim) (s rollout.Standing, signer string) {
	if c.submitter == "" || !mentionsSignature(raw) {
		return rollout.Unsigned, ""
	}
	lookup := func(name string) ([]string, error) {
		if _, d, ok := strings.Cut(name, "._domainkey."); !ok || !c.aligns(d) {
			return nil, nil // not asked: it could not count
		}
		return j.keys.get(ctx, strings.ToLower(name))
	}
	seen, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{
		LookupTXT: lookup, MaxVerifications: maxSignatures,
	})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return rollout.Unsigned, ""
	}
	s = rollout.Unsigned
	for _, v := range seen {
		if !c.aligns(v.Domain) {
			continue
		}
		switch expired := !v.Expiration.IsZero() && j.clock.Now().After(v.Expiration); {
		case v.Err == nil && !expired:
			return rollout.Verified, orgDomain(v.Domain)
		case dkim.IsTempFail(v.Err):
			s = rollout.Pending
		case v.Err != nil && v.Err.Error() == bodyChanged && s == rollout.Unsigned:
			s = rollout.Modified
		}
	}
	return s, ""
}

// mentionsSignature saves the work where there is no signature at all.
func mentionsSignature(raw []byte) bool {
	header, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	if lf, _, ok := bytes.Cut(raw, []byte("\n\n")); ok && len(lf) < len(header) {
		header = lf
	}
	return bytes.Contains(bytes.ToLower(header), []byte("dkim-signature:"))
}
