package dns_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"belay/providers/lab/vendor"
	"belay/rollout"
)

// An entrant is one provider in the suite, with what is its own as data: how its
// API says no, and which logins fail there. A new provider is one file with its
// entrant and one line in entrants.
type entrant struct {
	start func(*testing.T) bench
	// refusals are answers to a write; none where there is no HTTP.
	refusals []refusal
	// lacks are the kinds of refusals that it cannot have, each with the reason.
	lacks map[string]string
	// misfits are logins and zones that cannot work.
	misfits []misfit
}

// refusal is one answer of the API to a write, in its own words, and what belay
// says of it.
type refusal struct {
	// shows is one of refusalKinds, or something of the provider's own.
	shows string
	// fault is the answer; SECRET in its body is replaced by the credential.
	fault vendor.Fault
	says  string
	// retried is true where the provider's library asks again by itself and
	// takes seconds over it: one edit is enough then.
	retried bool
}

// outcome is what a write becomes that meets the refusal: only a status of 4xx is a no
// for certain.
func (r refusal) outcome() rollout.Outcome {
	if r.fault.Status/100 == 4 {
		return rollout.Failed
	}
	return rollout.Unknown
}

// misfit is a login, or a zone, that cannot work, and what Try says of it.
type misfit struct {
	shows  string
	start  func(*testing.T) bench
	domain string
	// finder is the zone that DNS answers from; empty: nobody asks.
	finder string
	says   string
}

// refusalKinds are what every API behind HTTP must be tried with.
func refusalKinds() []string {
	return []string{"401", "403", "404", "409", "429", "500", "HTML in place of an answer", "a secret that the answer repeats"}
}

// entrants are the providers that must pass the suite.
func entrants() map[string]entrant {
	all := map[string]entrant{
		"cloudflare":           cloudflareEntrant(),
		"desec":                desecEntrant(),
		"hetzner":              hetznerEntrant(),
		"digitalocean":         digitalOceanEntrant(),
		"route53":              route53Entrant(),
		"rfc2136":              rfc2136Entrant(),
		"ovh":                  ovhEntrant(),
		"gandi":                gandiEntrant(),
		"dnscale":              dnscaleEntrant(),
		"porkbun":              porkbunEntrant(),
		"linode":               linodeEntrant(),
		"rfc2136 without AXFR": {start: func(t *testing.T) bench { return rfc2136Bench(t, true) }},
	}
	maps.Copy(all, heavyEntrants())
	return all
}

// onEach runs f for every provider.
func onEach(t *testing.T, f func(t *testing.T, b bench)) {
	for name, e := range entrants() {
		t.Run(name, func(t *testing.T) {
			row(t)
			f(t, e.start(t))
		})
	}
}

// onWeb runs f for every provider behind HTTP.
func onWeb(t *testing.T, f func(t *testing.T, e entrant)) {
	for name, e := range entrants() {
		if len(e.refusals) > 0 {
			t.Run(name, func(t *testing.T) { f(t, e) })
		}
	}
}

// refusal returns the one that shows this.
func (e entrant) refusal(t *testing.T, shows string) refusal {
	t.Helper()
	i := slices.IndexFunc(e.refusals, func(r refusal) bool { return r.shows == shows })
	if i < 0 {
		t.Fatalf("no refusal %q among %d", shows, len(e.refusals))
	}
	return e.refusals[i]
}

// with is the refusal's answer for this bench.
func (r refusal) with(b bench) vendor.Fault {
	f := r.fault
	f.Body = strings.ReplaceAll(f.Body, "SECRET", b.secret())
	return f
}

// TestNoHoles: every API behind HTTP is tried with every kind of refusal, or says
// why it has none.
func TestNoHoles(t *testing.T) {
	onWeb(t, func(t *testing.T, e entrant) {
		for _, kind := range refusalKinds() {
			has := slices.ContainsFunc(e.refusals, func(r refusal) bool { return r.shows == kind })
			if has == (e.lacks[kind] != "") {
				t.Errorf("%s: tried %v, lacking because %q", kind, has, e.lacks[kind])
			}
		}
	})
}
