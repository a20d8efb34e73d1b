package certs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"belay/rollout"
	"belay/rollout/finding"

	"github.com/mholt/acmez/v3/acme"
)

// trouble puts into words why a certificate was not had: the CA's own where it spoke,
// and what to do. asked is until when the CA wishes to be left alone.
func trouble(host string, err error, now, asked time.Time) rollout.CertificateTrouble {
	t := rollout.CertificateTrouble{At: now.UTC()}
	text := strings.NewReplacer("["+host+"] Obtain: ", "", "["+host+"] Renew: ", "", context.DeadlineExceeded.Error(), "it took too long").Replace(err.Error())
	var problem acme.Problem
	var refusal *CAARefusal
	var unmet *net.OpError
	switch {
	case errors.As(err, &refusal):
		t.Kind, t.Said = "caa", refusal.Error()
		t.Mend = "Publish " + refusal.Wanted + ", or use a CA that the records allow (--acme-ca)."
	case errors.As(err, &problem):
		t.Kind = kindOf(problem.Type)
		t.Said = inCAsWords(problem)
		t.Mend = mendProblem(t.Kind)
		if until, ok := toldUntil(problem.Detail); ok && t.Kind == "rateLimited" && until.After(asked) {
			asked = until
		}
	case errors.Is(err, errDamagedAccount):
		t.Said = finding.Clean(text, 600)
		t.Mend = "Put the file back from a backup of the certificates' folder. Or remove it, and belay makes a new account; CAA records that name the old one by accounturi must name the new one then."
	case errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), syscall.ENOSPC.Error()):
		t.Said = finding.Clean(text, 600)
		t.Mend = "Make room on the disk that holds the certificates; the one in use is untouched."
	case errors.As(err, &unmet):
		t.Said = "the CA could not be reached: " + finding.Clean(text, 500)
		t.Mend = "Let this machine reach the CA over HTTPS, or name a proxy by HTTPS_PROXY."
	default:
		t.Said = finding.Clean(text, 600)
	}
	if asked.After(now) {
		t.Next, t.Until = asked.UTC(), asked.UTC()
		t.Mend = strings.TrimSpace(t.Mend + " The CA takes no order before " + asked.UTC().Format(time.RFC3339) + ".")
	}
	return t
}

// otherKind stands for a problem type that no RFC has.
const otherKind = "other"

// kindOf is a problem type as belay tells it: a name of RFC 8555 section 6.7 or RFC 9773
// section 7.4, or otherKind. It becomes a label of metrics, of which a CA may not make
// as many as it likes.
func kindOf(problem string) string {
	kind, ok := strings.CutPrefix(problem, acme.ProblemTypeNamespace)
	if ok && slices.Contains([]string{
		"accountDoesNotExist", "alreadyReplaced", "alreadyRevoked", "badCSR", "badNonce", "badPublicKey", "badRevocationReason",
		"badSignatureAlgorithm", "caa", "compound", "connection", "dns", "externalAccountRequired", "incorrectResponse",
		"invalidContact", "malformed", "orderNotReady", rateLimited, "rejectedIdentifier", "serverInternal", "tls",
		"unauthorized", "unsupportedContact", "unsupportedIdentifier", "userActionRequired",
	}, kind) {
		return kind
	}
	return otherKind
}

// inCAsWords is a problem document in one line: its type, what it says, and what it
// says of each name.
func inCAsWords(p acme.Problem) string {
	said := strings.TrimPrefix(p.Type, acme.ProblemTypeNamespace)
	if p.Detail != "" {
		said += ": " + p.Detail
	} else if p.Title != "" {
		said += ": " + p.Title
	}
	for _, sub := range p.Subproblems {
		said += fmt.Sprintf("; %s: %s", strings.TrimPrefix(sub.Type, acme.ProblemTypeNamespace), sub.Detail)
		if sub.Identifier.Value != "" {
			said += " (" + sub.Identifier.Value + ")"
		}
	}
	return finding.Clean(said, 600)
}

// mendProblem says what to do about a problem of this type (RFC 8555 section 6.7).
func mendProblem(kind string) string {
	return map[string]string{
		"rateLimited":             "Wait; belay tries again by itself. A rehearsal (belay serve --rehearse) does not count against the limit.",
		"unauthorized":            "The CA met another server than this one, or an old record. Let mta-sts.DOMAIN point at this machine on every address, v4 and v6, with nothing in between that answers for it.",
		"incorrectResponse":       "The CA met another server than this one, or an old record. Let mta-sts.DOMAIN point at this machine on every address, v4 and v6.",
		"connection":              "Open ports 443 and 80 to this machine from everywhere, on every address that DNS gives; or prove the name by DNS (belay set DOMAIN --challenge dns).",
		"tls":                     "Let port 443 reach belay's own listener: what ends TLS before it cannot answer TLS-ALPN-01. Or use --challenge http, or DNS.",
		"dns":                     "Mend the DNS of the host: the CA could not look it up. Records that are there but unsigned, or signed wrongly, in a signed zone are the usual cause.",
		"caa":                     "Publish a CAA record that allows the CA, or use a CA that the records allow (--acme-ca).",
		"badNonce":                "Nothing: the CA lost its thread, and belay tries again.",
		"serverInternal":          "Nothing here: the CA is out of order. belay tries again.",
		"externalAccountRequired": "The CA issues to its customers only: set BELAY_ACME_EAB_KID and BELAY_ACME_EAB_HMAC to what it gives you for ACME.",
		"rejectedIdentifier":      "The CA does not issue for this name; its words say why. Another CA may (--acme-ca).",
		"invalidContact":          "Give an address that the CA takes by --acme-email, or none.",
		"unsupportedContact":      "Give an address that the CA takes by --acme-email, or none.",
		"userActionRequired":      "The CA has new terms or waits for you: see what it says, agree there, and let belay try again.",
		"accountDoesNotExist":     "The CA does not know the account any more; belay makes a new one at the next attempt.",
	}[kind]
}

// toldUntil finds the moment that a CA names in a sentence, as Let's Encrypt does.
func toldUntil(detail string) (time.Time, bool) {
	found := regexp.MustCompile(`retry after (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d) ?(?:UTC|Z)`).FindStringSubmatch(detail)
	if found == nil {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateTime, found[1]+" "+found[2])
	return t, err == nil
}

// pause is how long the next attempt waits after so many that failed in a row.
func pause(tries int) time.Duration {
	steps := []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour}
	return steps[min(max(tries, 1), len(steps))-1]
}
