package main

import (
	"context"
	"testing"

	"belay/providers"
	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/mtasts"
)

// A server asks nobody for a login, and finds one that was replaced while it ran.
func TestAServersLoginsAreReadAnewAndNotAskedFor(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.must(exitGood, "set", b.Domain(), "--challenge", "dns")
	p := b.certsProgram()
	s, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.accounts.ask = func(context.Context, *secrets, providers.Provider, rollout.Account, []string) error {
		t.Error("somebody is asked for a login")
		return nil
	}
	s.accounts.unattended()
	put := func() error {
		records, err := p.byDNS(s, nil)(t.Context(), mtasts.PolicyHost(b.Domain()), nil)
		if err != nil {
			return err
		}
		return records.Put(t.Context(), proof)
	}
	right := b.env["RFC2136_TSIG_SECRET"]
	b.env["RFC2136_TSIG_SECRET"] = "d3Jvbmcgc2VjcmV0IG9mIHRoZSByaWdodCBsZW5ndGg="
	if err := put(); err == nil {
		t.Fatal("a wrong secret was taken")
	}
	b.env["RFC2136_TSIG_SECRET"] = right
	if err := put(); err != nil {
		t.Errorf("after the login was replaced: %v", err)
	}
	delete(b.env, "RFC2136_TSIG_SECRET")
	if err := put(); err == nil {
		t.Error("without a secret it was written")
	}
}
