//go:build !google

package dns_test

import (
	"testing"

	"belay/providers/dns"
)

// heavyEntrants are the providers that only a build tag brings in; this is a
// binary without one.
func heavyEntrants() map[string]entrant { return nil }

// heavyLargeZones are benches of the same providers whose zone has a great many records.
func heavyLargeZones() map[string]func(testing.TB) (string, map[string]string, dns.Options) {
	return nil
}
