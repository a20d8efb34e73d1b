package tui

import (
	"fmt"
	"slices"
	"testing"

	"belay/rollout"
)

// lacksToken is what opening an account says whose token was typed in an earlier
// session.
type lacksToken struct{}

func (lacksToken) Error() string { return "cloudflare/work lacks its api token" }

func (lacksToken) Lacks() (rollout.Account, []string) {
	return rollout.Account{Provider: "cloudflare", Name: "work"}, []string{"api_token"}
}

// A rollout takes weeks, and a login that was typed serves for one session.
func TestALoginThatIsLackingIsTypedWhereItIsMissed(t *testing.T) {
	e := standIn(inPhase(rollout.PublishDNS, goodLook()), closedGate(), dnsPlan())
	e.fail["propose"] = fmt.Errorf("open the accounts: %w", lacksToken{})
	d := drive(t, e, 80, 24, inCorp).sees("FAIL open the accounts: cloudflare/work lacks its api token", "t types what the login lacks")
	d.press("t").sees("Login at Cloudflare", "serves for this session only").press("enter").sees("nothing was typed")
	delete(e.fail, "propose")
	d.typeIn("tok-secret").seesNot("tok-secret").press("enter").seesNot("lacks its api token", "t type the login")
	if !slices.Equal(d.accounts.kept, []string{"cloudflare/work/api_token=tok-secret"}) {
		t.Errorf("kept %q", d.accounts.kept)
	}
	d.sees("This is all that would be changed.")
}
