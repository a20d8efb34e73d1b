package tui

import (
	"slices"
	"testing"

	"belay/rollout"
)

// atHost goes through the form for new.example to the question where the policy is
// served, and chooses a vendor there.
func atHost(t *testing.T, e *fakeEngine, label string) *driver {
	d := drive(t, e, 80, 24).press("n").typeIn("New.Example").press("tab", "tab", "tab").typeIn("tok-secret").press("tab")
	choice := d.app.top().(*newRollout).host.choice
	for range choice.options {
		if d.press("right"); choice.options[choice.at].label == label {
			return d
		}
	}
	t.Fatalf("there is no policy host %s:\n%s", label, d.view())
	return nil
}

func TestAPolicyHostWithALoginOfItsOwnAsksForIt(t *testing.T) {
	e := manyDomains()
	d := atHost(t, e, "Valimail").sees("Client id", "App id", "Account slug", "empty: from $VALIMAIL_CLIENT_ID").seesNot("mta-sts points to")
	d.press("tab").typeIn("the-client").press("tab").typeIn("the-app").press("tab").typeIn("corp").press("tab").seesNot("the-client").seesNot("the-app")
	d.press("tab", "tab", "tab", "enter")
	want := []string{"cloudflare/api_token=tok-secret", "valimail/client_id=the-client", "valimail/app_id=the-app", "valimail/account=corp"}
	if !slices.Equal(d.accounts.kept, want) {
		t.Errorf("kept %q, want %q", d.accounts.kept, want)
	}
	d.press("enter").did("create new.example cloudflare valimail")
	if to := e.rollouts["new.example"].Settings.Delegate; to.Host != "policy.mta-vali.email" || to.Record == "" || to.Reports == "" {
		t.Errorf("the names are delegated to %+v", to)
	}
}

func TestAPolicyHostWithTheDNSLoginAsksForNothing(t *testing.T) {
	e := manyDomains()
	d := atHost(t, e, "Cloudflare Worker").seesNot("Account id").seesNot("mta-sts points to")
	d.press("tab", "tab", "tab", "tab", "enter", "enter").did("create new.example cloudflare cloudflare-worker")
	if s := e.rollouts["new.example"].Settings; s.Delegate != (rollout.Delegation{}) || len(s.HostAddresses) > 0 {
		t.Errorf("the settings point somewhere: %+v", s)
	}
}
