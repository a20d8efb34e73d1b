//go:build google

package dns

import (
	"errors"

	"belay/providers/rest"

	"cloud.google.com/go/auth"
	"google.golang.org/api/googleapi"
)

// TurnedAway: without a token nothing is sent.
func (e *googleRefusal) TurnedAway() bool {
	if api, ok := errors.AsType[*googleapi.Error](e.err); ok {
		return rest.Denied(api.Code)
	}
	if _, ok := errors.AsType[*auth.Error](e.err); ok {
		return true
	}
	return rest.TurnedAway(e.err)
}
