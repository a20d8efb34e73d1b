//go:build !google

package dns_test

// heavyEntrants are the providers that only a build tag brings in; this is a
// binary without one.
func heavyEntrants() map[string]entrant { return nil }
