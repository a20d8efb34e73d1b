// Package providers is the catalogue of the systems through which belay changes
// or reads something: DNS hosts, policy hosts, report inboxes. It is data only:
// what a provider is called, which fields a login there has, which environment
// variables people already have set for them, which rights are the least that
// suffice, and by which name servers a DNS host is recognised.
//
// Nothing here opens anything; the packages below do, and cmd maps an id to its
// constructor. A new provider is one entry here and one small file there.
package providers

import (
	"fmt"
	"strings"
)

// Kind is what a provider is for.
type Kind string

// The kinds of providers.
const (
	DNS   Kind = "dns"   // keeps a zone
	Host  Kind = "host"  // serves the policy body
	Inbox Kind = "inbox" // where reports come from
)

// Provider is one entry of the catalogue.
type Provider struct {
	// ID is what flags and settings name it by; it is unique within its kind.
	ID    string `json:"id"`
	Label string `json:"label"`
	Kind  Kind   `json:"kind"`
	// About says in one sentence what belay does there.
	About  string  `json:"about"`
	Fields []Field `json:"fields"`
	// NameServers are suffixes of name server names by which the provider is
	// recognised, for DNS.
	NameServers []string `json:"name_servers"`
	// Rights are the least that suffice, in words, and how to grant them.
	Rights string `json:"rights,omitempty"`
	// Recipe is how exactly those rights are granted, line by line and ready to be
	// copied: a policy, a configuration, the boxes to tick. DOMAIN in it stands
	// for the policy domain; RecipeFor fills it in. Lines of prose keep to 76
	// characters; what is to be copied may be longer. Empty where there are no
	// rights to limit.
	Recipe string `json:"recipe,omitempty"`
	// Docs is where the provider's own documentation of its credentials stands.
	Docs string `json:"docs,omitempty"`
	// Writes says what carries belay's changes there, for DNS: a libdns module, or
	// belay's own calls, and then why. It continues "Writes go ...".
	Writes string `json:"writes,omitempty"`
	// Tested says what belay's work with it was tested against.
	Tested string `json:"tested"`
	// AddressEnv is the environment variable that replaces the address of the
	// provider's API, for a proxy that stands before it and for tests; empty where
	// the provider has none, or its library reads one of its own.
	AddressEnv string `json:"address_env,omitempty"`
	// Shares is the DNS provider whose login this one's is too; empty where it has
	// its own or none.
	Shares string `json:"shares,omitempty"`
	// Tag is the build tag that brings the provider into a binary, for one whose
	// library is too heavy for everybody's; empty for all others.
	Tag string `json:"tag,omitempty"`
	// Built says that it is in this binary.
	Built bool `json:"built"`
}

// Field is one thing a login needs.
type Field struct {
	Key   string `json:"key"`
	Label string `json:"label"`
	Help  string `json:"help,omitempty"`
	// Secret fields are never shown, stored or logged.
	Secret   bool `json:"secret,omitempty"`
	Required bool `json:"required,omitempty"`
	// Default is what an empty field means, for display.
	Default string `json:"default,omitempty"`
	// Env are environment variables that give the value; the first that is set
	// wins. See Names.
	Env []string `json:"env,omitempty"`
	// Whole fields of a login are taken from one place: where one was typed, all
	// were; where the environment gives one, the keyring is not asked for another.
	// Halves of two logins would be none, or a third.
	Whole bool `json:"-"`
	// Named says that a named account's own name is the value, where nothing gives
	// another.
	Named bool `json:"-"`
}

// EnvName is one environment variable that may hold a field's value.
type EnvName struct {
	Name string
	// File is true where the variable names a file that holds the value.
	File bool
}

// Names are the environment variables to look at for the field, best first: each
// of Env, then the same with _FILE at its end, which names a file with the value.
//
// account tells several logins at one provider apart. For the usual one it is
// empty. For another it is upper-cased, what is no letter or digit becomes "_",
// and it stands behind the name: the account "work" reads
// CLOUDFLARE_API_TOKEN_WORK and CLOUDFLARE_API_TOKEN_WORK_FILE. A named account
// never falls back to the usual one's variables, for then a typing mistake would
// write to the wrong login.
func (f Field) Names(account string) []EnvName {
	suffix := ""
	if account != "" {
		suffix = "_" + strings.Map(envRune, strings.ToUpper(account))
	}
	var out []EnvName
	for _, name := range f.Env {
		out = append(out, EnvName{Name: name + suffix}, EnvName{Name: name + suffix + "_FILE", File: true})
	}
	return out
}

func envRune(r rune) rune {
	if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '_'
}

// Catalogue returns every provider, by kind, the ones most used first.
func Catalogue() []Provider {
	var out []Provider
	out = append(out, dnsProviders()...)
	out = append(out, hostProviders()...)
	out = append(out, inboxProviders()...)
	for i := range out {
		out[i].Built = out[i].Tag == "" || builtWith(out[i].Tag)
	}
	return out
}

// RecipeFor is the recipe with the policy domain filled in. An empty domain
// leaves DOMAIN standing.
func (p Provider) RecipeFor(domain string) string {
	if domain == "" {
		return p.Recipe
	}
	return strings.ReplaceAll(p.Recipe, "DOMAIN", domain)
}

// Unbuilt says in one sentence how to come by a binary that has the provider, and
// nothing where this one does.
func (p Provider) Unbuilt() string {
	if p.Built {
		return ""
	}
	return fmt.Sprintf("this belay was built without %s, whose library is heavy: in a checkout of belay, go install -tags %s belay/cmd/belay builds one that has it", p.Label, p.Tag)
}

// LoginID is the id that the provider's login is kept under.
func (p Provider) LoginID() string {
	if p.Shares != "" {
		return p.Shares
	}
	return p.ID
}

// HasLogin reports whether there is anything to log in with: a field that may come
// from the environment. A directory or a URL is none.
func (p Provider) HasLogin() bool {
	for _, f := range p.Fields {
		if len(f.Env) > 0 {
			return true
		}
	}
	return false
}

// Of returns the providers of one kind.
func Of(kind Kind) []Provider {
	var out []Provider
	for _, p := range Catalogue() {
		if p.Kind == kind {
			out = append(out, p)
		}
	}
	return out
}

// Lookup returns the provider of this kind and id.
func Lookup(kind Kind, id string) (Provider, bool) {
	for _, p := range Of(kind) {
		if p.ID == id {
			return p, true
		}
	}
	return Provider{}, false
}

// Field returns the field with this key.
func (p Provider) Field(key string) (Field, bool) {
	for _, f := range p.Fields {
		if f.Key == key {
			return f, true
		}
	}
	return Field{}, false
}
