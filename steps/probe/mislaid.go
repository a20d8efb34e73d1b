package probe

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/world"
)

// mislaidPatience is how long a place that nobody promised a policy at may take to
// answer, in real time.
const mislaidPatience = 5 * time.Second

// Mislaid asks host at ip for path, where a policy may have been put by mistake: no
// sender ever looks there. The answer is judged as the policy host's own is, and
// nothing about it is a fault.
func (v *View) Mislaid(host, path string, ip netip.Addr) Fetch {
	url := "https://" + host + path
	v.asking(At(host, ip), "GET "+url)
	watch := world.Start()
	ctx, cancel := context.WithTimeout(v.ctx, mislaidPatience)
	defer cancel()
	f := v.fetch(ctx, host, url, ip)
	f.IP, f.Took = ip, watch.Elapsed()
	said := strings.TrimSpace(string(f.Fate) + " " + finding.Clean(f.Said, 200))
	if f.Fate == Served {
		said = fmt.Sprintf("%d, %d octets", f.Status, len(f.Body))
	}
	v.answered(At(host, ip), said, f.Took, finding.Pass)
	return f
}
