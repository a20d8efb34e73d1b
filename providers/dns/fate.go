package dns

import (
	"errors"
	"fmt"

	"belay/providers/rest"
	"belay/rollout"

	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/miekg/dns"
)

// A write that went wrong, and is not there when its place is read again, has one of
// two fates: it was turned away, and is called failed, or nobody knows, since a call
// that ran into its deadline or whose answer was lost may land after the reading. Then
// it is unknown: it counts as begun, and the next walk reads its place before it
// writes. Only package rest's TurnedAway, which asks the errors below, makes a failure
// certain.

// fate is that of the write e, of which called came back and where sets stand at its
// name as they did before.
func fate(sets []RRset, e rollout.Edit, called error) (rollout.Outcome, error) {
	other := inTheWay(sets, e.Type)
	switch {
	case rest.TurnedAway(called):
		return rollout.Failed, called
	case called != nil:
		return rollout.Unknown, rest.Unsure(called)
	case e.After.Exists && other != "":
		return rollout.Failed, fmt.Errorf("the change was accepted, and nothing changed: %s stands at the same name, and DNS allows nothing beside a CNAME", other)
	}
	return rollout.Unknown, rest.Unsure(errors.New("the change was accepted, and nothing has changed; the credential may lack the right to write there"))
}

// TurnedAway: see rest.Verdict.
func (e *cloudflareRefusal) TurnedAway() bool { return rest.Denied(e.status) }

// strangeAnswer is an answer that is not the API's, of this HTTP status.
type strangeAnswer struct {
	status int
	err    error
}

func (e *strangeAnswer) Error() string    { return e.err.Error() }
func (e *strangeAnswer) Unwrap() error    { return e.err }
func (e *strangeAnswer) TurnedAway() bool { return rest.Denied(e.status) }

// TurnedAway is of the last answer: the SDK asks again by itself, so that where the
// last call had none, an earlier one may have been carried out.
func (e *awsRefusal) TurnedAway() bool {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](e.err)
	return ok && rest.Denied(answer.HTTPStatusCode())
}

// TurnedAway: whatever a name server answers, it has changed nothing (RFC 2136 section
// 3); but SERVFAIL is also what one gives that sent the change on to the primary server
// and heard no more of it (section 6).
func (e *rcodeError) TurnedAway() bool { return e.rcode != dns.RcodeServerFailure }
