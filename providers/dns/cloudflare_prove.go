package dns

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Prove has no right left to test: reading has shown token, zone and, where
// Cloudflare lists them, rights. A rollout takes weeks, so it asks how long the
// token lives. A token of an account and not of a user is not told of there, and
// that is no fault of it.
func (c *cloudflareZones) Prove(ctx context.Context, z Zone, _ string) ([]string, error) {
	var lines []string
	if !slices.Contains(z.Notes, cloudflareMayEdit) {
		lines = append(lines, "The token reads the zone's records; the right to change them is only proved by the first write.")
	}
	var token struct {
		Status  string    `json:"status"`
		Expires time.Time `json:"expires_on"`
	}
	if err := c.api.get(ctx, "/user/tokens/verify", &token); err == nil && !token.Expires.IsZero() {
		lines = append(lines, fmt.Sprintf("The token ends on %s; a rollout takes weeks, and belay is needed afterwards too.", token.Expires.UTC().Format(time.DateOnly)))
	}
	return lines, nil
}
