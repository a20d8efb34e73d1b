package rest

import (
	"cmp"
	"slices"
	"strings"
)

// leastSecret is the shortest secret that is hidden, in bytes: a shorter one stands in
// ordinary words by chance.
const leastSecret = 4

// Hide is what a vendor says, without these secrets. It comes before any shortening,
// which would leave the beginning of one.
func Hide(said string, secrets ...string) string {
	// One may begin with another: the longest goes first.
	longestFirst := slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, s := range longestFirst {
		if len(s) >= leastSecret {
			said = strings.ReplaceAll(said, s, "(secret)")
		}
	}
	return said
}

// hide is Hide of everything that the API is logged in with.
func (a *API) hide(said string) string {
	return Hide(said, append(slices.Clone(a.Secrets), a.secret)...)
}

// shown is err where its text may be shown, and else an error around it that hides the
// secrets: an answer that is no HTTP, or no JSON of the right shape, is quoted too.
func (a *API) shown(err error) error {
	if err == nil {
		return nil
	}
	if text := a.hide(err.Error()); text != err.Error() {
		return &hidingError{text: text, err: err}
	}
	return err
}

// hidingError is an error told without the secrets that its own text has.
type hidingError struct {
	text string
	err  error
}

func (e *hidingError) Error() string { return e.text }
func (e *hidingError) Unwrap() error { return e.err }
