package sender

import (
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Postfix knows nothing of MTA-STS. It asks postfix-mta-sts-resolver how to treat a
// domain, and that reads records and policies in a way of its own: more kindly than
// RFC 8461 in most, and with less patience. What it makes of a domain decides about
// mail from many senders, so it is read here as it does it.

// resolverPatience is how long the resolver waits for a policy, unless it was told
// otherwise.
const resolverPatience = 4 * time.Second

// answer is what the resolver tells Postfix to do. The zero value is that it knows
// of no policy to go by: TLS is taken where it is offered.
type answer struct {
	// secure is true for a policy in enforce: the certificate must match.
	secure   bool
	patterns []string // what a name of the certificate must match
	// garbled is true where Postfix cannot read the answer, and keeps the mail.
	garbled bool
	// why says what the resolver does otherwise than the RFC asks; empty where it
	// does as it should.
	why string
}

// answerOf is the answer for a domain that no policy is held of: what e shows is
// fetched. live is what a sender makes of the same that goes by the RFC.
func answerOf(e rollout.Evidence, live *mtasts.Policy) answer {
	announced := slices.ContainsFunc(announcements(e), resolverTakes)
	var told answer
	impatient := time.Duration(0)
	for _, a := range e.Policy.Addresses {
		if !announced || !a.Answered || a.Err != "" || a.Status != http.StatusOK {
			continue
		}
		if a.Took > resolverPatience {
			impatient = a.Took
			continue
		}
		// Any address may be met: the answer that asks most of an MX host stands.
		if got, ok := answerFrom(a.Body, charsetOf(a)); ok && (got.secure || got.garbled) && !told.garbled {
			told = got
		}
	}
	enforced := live != nil && live.Mode == mtasts.Enforce
	switch {
	case told.why != "":
	case (told.secure || told.garbled) && !enforced:
		told.why = "takes the policy, which senders that go by the RFC do not"
	case !told.secure && enforced && impatient > 0:
		told.why = fmt.Sprintf("gives up after %s, and the policy comes after %s", resolverPatience, impatient.Round(100*time.Millisecond))
	case !told.secure && enforced:
		told.why = "does not take the policy"
	}
	return told
}

// answerTo is the answer for a policy that the resolver holds.
func answerTo(policy mtasts.Policy) answer {
	if policy.Mode != mtasts.Enforce {
		return answer{}
	}
	return match(policy.MX)
}

// answerFrom is the answer once body was fetched; false where it is no policy.
func answerFrom(body, charset string) (answer, bool) {
	mode, patterns, ok := resolverReads(body, charset)
	if !ok || mode != mtasts.Enforce {
		return answer{}, ok
	}
	return match(patterns), true
}

// match is the answer "secure match=PATTERNS" as Postfix takes it apart: at white
// space and commas into attributes, and the patterns at colons.
func match(patterns []string) answer {
	var bare []string
	for _, p := range patterns {
		bare = append(bare, strings.TrimLeft(p, "*"))
	}
	joined := strings.Join(bare, ":")
	if joined == "" || strings.ContainsAny(joined, ", \t\r\n") {
		return answer{garbled: true, why: "hands the mx lines to Postfix as they are, and Postfix cannot read them: " + finding.Quote(joined, 100)}
	}
	return answer{secure: true, patterns: strings.FieldsFunc(joined, func(r rune) bool { return r == ':' })}
}

// announcements are the sets of records that senders meet at the record's name,
// each once: one, but where the name servers disagree.
func announcements(e rollout.Evidence) [][]string {
	var out [][]string
	if at, ok := e.Name(mtasts.RecordName(e.Domain), "TXT"); ok && at.Alias == "" {
		for _, s := range at.Sightings {
			if s.Answered && s.Value.Exists && !slices.ContainsFunc(out, func(met []string) bool { return slices.Equal(met, s.Value.Records) }) {
				out = append(out, s.Value.Records)
			}
		}
	}
	if len(out) == 0 && e.Record.Raw != "" {
		out = append(out, []string{e.Record.Raw})
	}
	return out
}

// resolverTakes reports whether the resolver takes records as the announcement of
// a policy: exactly one begins as it must, and has an id of whatever characters.
func resolverTakes(records []string) bool {
	var mine []string
	for _, txt := range records {
		if strings.HasPrefix(txt, "v="+mtasts.Version) {
			mine = append(mine, txt)
		}
	}
	if len(mine) != 1 {
		return false
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(mine[0], ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	_, identified := fields["id"]
	return fields["v"] == mtasts.Version && identified
}

// charsetOf is the charset that a body is labelled with; empty for none.
func charsetOf(a rollout.PolicyAddress) string {
	_, params, err := mime.ParseMediaType(a.ContentType)
	if err != nil {
		return ""
	}
	return strings.ToLower(params["charset"])
}

// resolverSeconds is how the resolver's language writes a whole number.
var resolverSeconds = regexp.MustCompile(`^[+-]?[0-9]+(_[0-9]+)*$`)

// resolverReads reads a body as the resolver does: of a field that stands twice the
// last counts, lines that it does not know are passed over, blank ones too, and mx
// lines are taken as they stand. It is false where the resolver takes no policy from
// it.
func resolverReads(body, charset string) (mode mtasts.Mode, patterns []string, ok bool) {
	switch charset {
	case "", "ascii", "us-ascii":
		if strings.ContainsFunc(body, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return "", nil, false
		}
	case "utf-8", "utf8":
		if !utf8.ValidString(body) {
			return "", nil, false
		}
	}
	fields := map[string]string{}
	for line := range strings.FieldsFuncSeq(body, endsLine) {
		name, value, _ := strings.Cut(strings.TrimRightFunc(line, unicode.IsSpace), ":")
		value = strings.TrimLeftFunc(value, unicode.IsSpace)
		if name == "mx" {
			patterns = append(patterns, value)
			continue
		}
		fields[name] = value
	}
	mode = mtasts.Mode(fields["mode"])
	if fields["version"] != mtasts.Version || !resolverKeeps(fields["max_age"]) {
		return "", nil, false
	}
	switch mode {
	case mtasts.None:
		return mode, nil, true
	case mtasts.Testing, mtasts.Enforce:
		return mode, patterns, len(patterns) > 0
	}
	return "", nil, false
}

// resolverKeeps reports whether the resolver takes a max_age.
func resolverKeeps(maxAge string) bool {
	if !resolverSeconds.MatchString(maxAge) {
		return false
	}
	seconds, err := strconv.ParseInt(strings.ReplaceAll(maxAge, "_", ""), 10, 64)
	return err == nil && seconds >= 0 && seconds <= mtasts.MaxAgeLimit
}

// endsLine reports whether the resolver's language ends a line at r.
func endsLine(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\x1c', '\x1d', '\x1e', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// postfix is what becomes of a mail at the address that Postfix sends as it was
// told. A handshake that fails without a policy costs one attempt; the mail goes out
// in clear text at the next.
func (s showing) postfix(told answer) Outcome {
	switch {
	case told.garbled:
		return Defer
	case s.unseen != "":
		return Unknown
	case s.dead != "":
		return Defer
	case !told.secure || s.goodForPostfix(told.patterns):
		return Deliver
	}
	return Defer
}

// goodForPostfix reports whether Postfix delivers under "secure match=PATTERNS":
// the chain must be good, and some name of the certificate match some pattern, be
// the MX host's name what it may.
func (s showing) goodForPostfix(patterns []string) bool {
	if s.noTLS != "" || len(s.at.Certificates) == 0 {
		return false
	}
	names := s.at.Certificates[0].Names
	for _, f := range s.bars {
		switch f.Code {
		case "M11":
		case "M14":
			names = []string{s.host} // it takes the common name where there is no other
		default:
			return false
		}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return postfixMatches(name, p) })
	})
}

// postfixMatches compares one name of a certificate with one pattern the way
// Postfix does with "match=": ".example", which is what the resolver makes of
// "*.example", takes any name below it, at any depth; and a certificate for
// "*.example" is one for each name a label below.
func postfixMatches(name, pattern string) bool {
	name, pattern = strings.ToLower(name), strings.ToLower(strings.TrimLeft(pattern, "*"))
	if strings.HasPrefix(pattern, ".") {
		return len(name) > len(pattern) && strings.HasSuffix(name, pattern)
	}
	if below, wild := strings.CutPrefix(name, "*."); wild {
		_, rest, ok := strings.Cut(pattern, ".")
		return ok && rest == below
	}
	return name == pattern
}
