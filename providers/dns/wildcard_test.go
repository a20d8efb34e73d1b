package dns_test

import (
	"testing"

	"belay/providers/dns"
	"belay/rollout"
)

// Below a wildcard a name without records holds nothing, and a record is seen that
// holds what the wildcard does: it is made once and can be removed, whether the zone
// is read whole or name by name.
func TestSignedReadsPastAWildcard(t *testing.T) {
	for how, refuse := range map[string]bool{"by transfer": false, "name by name": true} {
		for _, e := range []rollout.Edit{
			edit("mta-sts", "A", nil, list("192.0.2.80")), edit("mta-sts", "CNAME", nil, list("web.corp.test")), edit("_smtp._tls", "TXT", nil, list(rpt)),
		} {
			t.Run(how+", "+e.Type, func(t *testing.T) {
				b := rfc2136Bench(t, refuse)
				b.put(t, "*."+domain, e.Type, e.After.Records...)
				a := b.open(t, dns.Options{})
				undo := e
				undo.Before, undo.After = e.After, e.Before
				for _, step := range []rollout.Edit{e, undo} {
					if h, err := a.Read(ctx(t), step); err != nil || !h.Value.Equal(step.Before) {
						t.Errorf("%s: read %s, %v", step, h.Value, err)
					}
					if r, err := a.Apply(ctx(t), step); err != nil || r.Outcome != rollout.Applied {
						t.Errorf("%s: %s, %v", step, r.Outcome, err)
					}
					if got := rollout.Records(b.holds(step.Name, step.Type)...); !got.Equal(step.After) {
						t.Errorf("%s: the server holds %s", step, got)
					}
				}
			})
		}
	}
}
