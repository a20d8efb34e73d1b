package dns

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"belay/rollout/finding"
)

// A lister is a Source whose provider tells which zones the account sees. It
// helps an operator to see that he took the wrong account.
type lister interface {
	// Zones are the apexes of public zones that the account sees, in one question
	// to the provider; more says that there are others.
	Zones(ctx context.Context) (apexes []string, more bool, err error)
}

// zonesAsked is how many zones one question asks for, zonesTold how many are told.
const (
	zonesAsked = 50
	zonesTold  = 8
)

// sees says in a sentence which zones the account sees; "" where the provider does
// not tell, or not to this credential.
func (a *remote) sees(ctx context.Context) string {
	l, ok := a.source.(lister)
	if !ok {
		return ""
	}
	type zones struct {
		apexes []string
		more   bool
	}
	z, err := guarded(ctx, a.seat, a.o.Patience, func(ctx context.Context) (z zones, err error) {
		z.apexes, z.more, err = l.Zones(ctx)
		return z, err
	})
	if err != nil {
		return ""
	}
	slices.Sort(z.apexes)
	apexes := slices.Compact(z.apexes)
	switch n := len(apexes); {
	case n == 0 && z.more: // public ones may be among the others
		return ""
	case n == 0:
		return "The account sees no zone."
	case n == 1 && !z.more:
		return "The account sees one zone: " + finding.Clean(apexes[0], 253) + "."
	case z.more:
		return fmt.Sprintf("The account sees %d zones or more: %s and others.", n, finding.Clean(strings.Join(apexes[:min(n, zonesTold)], ", "), 600))
	case n > zonesTold:
		return fmt.Sprintf("The account sees %d zones: %s and others.", n, finding.Clean(strings.Join(apexes[:zonesTold], ", "), 600))
	default:
		return fmt.Sprintf("The account sees %d zones: %s.", n, finding.Clean(strings.Join(apexes, ", "), 600))
	}
}

// Zones asks Cloudflare for its first page.
func (c *cloudflareZones) Zones(ctx context.Context) ([]string, bool, error) {
	var zones []cloudflareZone
	pages, err := c.api.page(ctx, fmt.Sprintf("/zones?per_page=%d", zonesAsked), &zones)
	var out []string
	for _, z := range zones {
		out = append(out, plainName(z.Name))
	}
	return out, pages > 1, err
}
