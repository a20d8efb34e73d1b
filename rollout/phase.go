package rollout

import "fmt"

// Phase is where a rollout stands; it is in exactly one. The values are those of
// the command line's JSON.
type Phase string

// The six phases in their order, and what comes after them.
const (
	CheckMX       Phase = "check-mx"
	PublishDNS    Phase = "publish-dns"
	HostPolicy    Phase = "host-policy"
	ReviewReports Phase = "review-reports"
	Enforce       Phase = "enforce"
	RaiseMaxAge   Phase = "raise-max-age"
	Holding       Phase = "holding"
)

// phases are the six phases in order, without what comes after them.
var phases = [...]Phase{CheckMX, PublishDNS, HostPolicy, ReviewReports, Enforce, RaiseMaxAge}

// Phases returns the six phases in order.
func Phases() []Phase { return append([]Phase(nil), phases[:]...) }

// Number is 1 to 6 for the six phases and 0 for what comes after them.
func (p Phase) Number() int {
	for i, q := range phases {
		if p == q {
			return i + 1
		}
	}
	return 0
}

// Next is the phase after p; after RaiseMaxAge comes Holding, and Holding stays.
func (p Phase) Next() Phase {
	if n := p.Number(); n > 0 && n < len(phases) {
		return phases[n]
	}
	return Holding
}

// Before reports whether p comes earlier than q on the way.
func (p Phase) Before(q Phase) bool { return p.order() < q.order() }

func (p Phase) order() int {
	if n := p.Number(); n > 0 {
		return n
	}
	return len(phases) + 1
}

// Title is the phase's name for people, such as "Check MX hosts".
func (p Phase) Title() string {
	switch p {
	case CheckMX:
		return "Check MX hosts"
	case PublishDNS:
		return "Publish DNS"
	case HostPolicy:
		return "Host the policy"
	case ReviewReports:
		return "Review reports"
	case Enforce:
		return "Enforce"
	case RaiseMaxAge:
		return "Raise max_age"
	case Holding:
		return "Holding"
	}
	return string(p)
}

// String is the title with its number, such as "4 Review reports".
func (p Phase) String() string {
	if n := p.Number(); n > 0 {
		return fmt.Sprintf("%d %s", n, p.Title())
	}
	return p.Title()
}
