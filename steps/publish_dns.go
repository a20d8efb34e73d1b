package steps

import (
	"fmt"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// PublishDNS is phase 2: where reports go and where the policy host's name
// points. The _mta-sts record is shown as a forecast only; it is an edit of phase
// 3, for a body must answer before its id is announced (RFC 8461 section 8.1).
type PublishDNS struct{}

// Phase is rollout.PublishDNS.
func (PublishDNS) Phase() rollout.Phase { return rollout.PublishDNS }

// Plan is what phase 2 still lacks: the TLSRPT record and the host's address. In
// the phase itself it notes the record that phase 3 will publish.
func (PublishDNS) Plan(r rollout.Rollout, seen rollout.Evidence, now time.Time) (rollout.Plan, error) {
	p, err := r.PublishRecords(seen, now)
	if err == nil && r.Phase == rollout.PublishDNS && !p.Empty() && r.Settings.Delegate.Record == "" {
		p.Notes = append(p.Notes, fmt.Sprintf("forecast: phase 3 adds %s TXT \"v=STSv1; id=...;\" once the policy answers", mtasts.RecordName(r.Domain)))
	}
	return p, err
}

// Gate is open when every edit of the plan is live and the policy host has an
// address.
func (s PublishDNS) Gate(r rollout.Rollout, now time.Time) rollout.Gate {
	var g rollout.Gate
	if looked(&g, r, now) {
		pending(&g, s, r, now)
		hostNamed(&g, r)
	}
	return g.Settle()
}

// hostNamed closes the gate where mta-sts points nowhere and the settings do not
// say where it should.
func hostNamed(g *rollout.Gate, r rollout.Rollout) {
	host := mtasts.PolicyHost(r.Domain)
	if len(r.Settings.HostAddresses) > 0 || r.Settings.HostCNAME != "" || r.Settings.Delegate.Host != "" || r.Settings.Host.NamesItself() {
		return
	}
	for _, typ := range []string{"CNAME", "A", "AAAA"} {
		if held, ok := r.Evidence.HeldAt(host, typ); ok && held.Value.Exists {
			return
		}
		if n, ok := r.Evidence.Name(host, typ); ok {
			for _, s := range n.Sightings {
				if s.Value.Exists {
					return
				}
			}
		}
	}
	g.Close(rollout.Reason{Code: "H01", Subject: host, Text: host + " has no address, and nothing says where it should point",
		Fix: fmt.Sprintf("belay set %s --host-address IP or --host-cname NAME", r.Domain)})
}

// pending closes the gate while the step's plan has edits that are not live.
func pending(g *rollout.Gate, s rollout.Step, r rollout.Rollout, now time.Time) {
	p, err := s.Plan(r, *r.Evidence, now)
	if err != nil {
		g.Close(rollout.Reason{Code: rollout.ReasonEdits, Subject: r.Domain, Text: err.Error(), Fix: "belay next looks again", Final: true})
		return
	}
	for _, e := range p.Edits {
		g.Close(e.NotLiveYet())
	}
}
