package tui

import (
	"slices"
	"strings"
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

// Whoever chooses a policy host is told what each needs, with the domain filled in: by ?
// on the choice, by F1 on what is asked about it, and in every window.
func TestWhatEachPolicyHostNeeds(t *testing.T) {
	for label, needs := range map[string][]string{
		"Web root":          {"install -d -o USER", "port 443, status 200, text/plain, no redirect", "certificate for mta-sts.new.example", "belay providers show webroot new.example"},
		"SFTP":              {"in the SSH agent", "BELAY_SSH_KEY", "known_hosts", "posix-rename@openssh.com", "may write in and the web server may read"},
		"Static pages":      {"may write in", "custom domain", "You, after each change"},
		"belay serve":       {"Ports 443 and 80", "belay export --systemd", "CAP_NET_BIND_SERVICE", "--tls-cert FILE --tls-key FILE", "--challenge dns"},
		"Cloudflare Worker": {"Workers Scripts Edit", "Zone DNS Edit"},
		"Valimail":          {"Configuration API", "aliases (CNAME) of _mta-sts.new.example"},
		"By hand":           {"their SHA-256", "It logs in nowhere"},
	} {
		t.Run(label, func(t *testing.T) {
			d := atHost(t, manyDomains(), label).sees("? what it needs").press("?").sees("What the policy host needs: " + label)
			told := flat(d.exact())
			for _, want := range needs {
				if !strings.Contains(strings.ReplaceAll(told, " ", ""), strings.ReplaceAll(want, " ", "")) {
					t.Errorf("%q is not told:\n%s", want, told)
				}
			}
			d.press("esc")
			if len(d.app.top().(*newRollout).hostLogin()) > 0 || d.app.top().(*newRollout).where() != nil {
				d.press("tab").sees("F1 what it needs").press("f1").sees("What the policy host needs: " + label)
			}
		})
	}
	d := drive(t, manyDomains(), 60, 16).press("n").typeIn("new.example").press("tab").sees("? rights it needs").
		press("tab", "tab", "tab").sees("? what it needs").press("?").sees("What the policy host needs: Web root")
	d.press("esc", "shift+tab").sees("F1 rights").press("f1").sees("Least rights at Cloudflare")
}
