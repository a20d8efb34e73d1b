package tui

import (
	"context"
	"errors"
	"testing"

	"belay/rollout"
)

// rehearsing is an engine that can rehearse.
type rehearsing struct {
	*fakeEngine
	cert rollout.HostCertificate
	err  error
}

func (r rehearsing) Rehearse(context.Context, string) (rollout.HostCertificate, error) {
	return r.cert, r.err
}

func TestOneKeyRehearsesTheCertificate(t *testing.T) {
	for name, tc := range map[string]struct {
		cert rollout.HostCertificate
		err  error
		sees []string
	}{
		"it goes well": {rollout.HostCertificate{Issuer: "Staging CA"}, nil, []string{"It went well: Staging CA issued one"}},
		"the CA refuses": {rollout.HostCertificate{Trouble: &rollout.CertificateTrouble{Said: "connection: timeout", Mend: "Open ports 443 and 80."}}, nil,
			[]string{"The order failed.", "connection: timeout", "Open ports 443 and 80."}},
		"nothing can be ordered": {rollout.HostCertificate{}, errors.New("an ordinary user may not take this port"), []string{"Nothing could be ordered.", "an ordinary user may not take this port"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := inPhase(rollout.HostPolicy, badLook())
			r.Settings.Host = rollout.HostAccount{Kind: rollout.HostServe}
			e := standIn(r, closedGate(), rollout.Plan{})
			d := drive(t, e, 80, 24, func(o *Options) { o.Engine, o.Domain = rehearsing{e, tc.cert, tc.err}, r.Domain })
			d.press("T").sees(tc.sees...)
		})
	}
	r := inPhase(rollout.HostPolicy, badLook())
	e := standIn(r, closedGate(), rollout.Plan{})
	d := drive(t, e, 80, 24, func(o *Options) { o.Engine, o.Domain = rehearsing{fakeEngine: e}, r.Domain })
	for _, a := range d.app.top().KeyMap() {
		if a.Help().Key == "T" {
			t.Error("a policy that another server serves can be rehearsed")
		}
	}
}
