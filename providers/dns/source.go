package dns

import (
	"context"
	"fmt"
	"strings"

	"belay/rollout"
)

// A Source is one provider as the adapter sees it. Names and zones are in lower
// case without final dot, values canonical as rollout.Value has them. Nothing
// in a Source decides whether a write is right or has happened: that is the
// adapter's.
type Source interface {
	// Label names the provider in sentences: "Cloudflare".
	Label() string
	// Zone finds the zone that holds name among those the account sees: the
	// longest one whose labels name ends in.
	Zone(ctx context.Context, name string) (Zone, error)
	// At reads every RRset at name, and nothing below or beside it.
	At(ctx context.Context, z Zone, name string) ([]RRset, error)
	// Replace makes want what stands at its name and type; no values means that
	// nothing shall. have is what At has just shown there. The error may be nil
	// though nothing happened, and non-nil though it did.
	Replace(ctx context.Context, z Zone, have, want RRset) error
	// Prove tests by reading, or by a message that changes nothing, what is
	// needed to write at name, and says what it saw, one sentence a line.
	Prove(ctx context.Context, z Zone, name string) ([]string, error)
}

// Zone is a zone as its provider keeps it.
type Zone struct {
	// Name is the apex.
	Name string
	// ID is the provider's own name for the zone, where it has one.
	ID string
	// Notes say more of it, one sentence each: status, name servers.
	Notes []string
	// NameServers are those that the provider gives the zone, or that the zone
	// names itself, in lower case without final dot; empty where it does not say.
	NameServers []string
	// Serial is that of the SOA record, where the provider is a name server that
	// shows the zone itself; else zero.
	Serial uint32
	// LeastTTL is the shortest TTL that the zone takes, in seconds; zero where
	// there is no such floor. What is wanted shorter is written with it, and the
	// receipt says so, as it does of any other TTL that was not agreed to.
	LeastTTL uint32
	// DefaultTTL is that of sets without one of their own, in seconds, for
	// providers that have such sets.
	DefaultTTL uint32
}

// RRset is all records of one name and type.
type RRset struct {
	Name, Type string
	// TTL in seconds.
	TTL    uint32
	Values []string
	// Special says why the set is not what it looks like and is never changed
	// by belay; empty for an ordinary one. It continues the sentence "NAME TYPE
	// is ...".
	Special string
	// Fronted is true for an address that is not what the world is answered, in
	// any family: the provider's own servers stand before it.
	Fronted bool
	// Note says, as a sentence without its full stop, what is to be known of how
	// the set was read; empty for a set that was read as usual.
	Note string
	// outside is true where the name servers showed the set and not the provider:
	// then a change of it is only seen when it has come to them.
	outside bool
	// own is what the provider needs to find its records again.
	own any
}

// Value is the set as rollout has it.
func (s RRset) Value() rollout.Value { return rollout.Records(s.Values...) }

// pick returns the set of this type, or an empty one.
func pick(sets []RRset, name, typ string) RRset {
	for _, s := range sets {
		if s.Type == typ {
			return s
		}
	}
	return RRset{Name: name, Type: typ}
}

// inTheWay names the records at the name that DNS does not let stand beside a
// record of type typ: anything beside a CNAME, a CNAME beside anything (RFC 1034
// section 3.6.2, RFC 2181 section 10.1). Signatures and their kin may.
func inTheWay(sets []RRset, typ string) string {
	var found []string
	for _, s := range sets {
		switch s.Type {
		case typ, "RRSIG", "NSEC", "NSEC3", "KEY":
			continue
		}
		if len(s.Values) == 0 && s.Special == "" {
			continue
		}
		if typ == "CNAME" || s.Type == "CNAME" {
			found = append(found, fmt.Sprintf("%s %s", s.Type, s.Value()))
		}
	}
	return strings.Join(found, " and ")
}

// credentials are the values of an account's fields by catalogue key.
type credentials map[string]string

// need returns the value of a required field, trimmed.
func (c credentials) need(key, what string) (string, error) {
	v := c.get(key)
	if v == "" {
		return "", fmt.Errorf("%s is missing", what)
	}
	return v, nil
}

func (c credentials) get(key string) string { return strings.TrimSpace(c[key]) }

// secrets are the values that must never be printed. Every field that could be
// one counts; names and servers are short or public and stay readable.
func (c credentials) secrets() []string {
	var out []string
	for _, key := range []string{"api_token", "token", "zone_token", "secret_access_key", "session_token", "key", "application_key", "application_secret", "consumer_key", "api_key", "secret_api_key"} {
		if v := c.get(key); len(v) >= 4 {
			out = append(out, v)
		}
	}
	return out
}
