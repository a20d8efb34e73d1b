package tui

import (
	"errors"
	"slices"
	"testing"

	"belay/providers"
	"belay/rollout"
)

// fill goes through the form for new.example with what Cloudflare needs.
func fill(d *driver) *driver {
	return d.press("n").typeIn("New.Example").press("tab").
		sees("zone new.example at ada.ns.cloudflare.com", "The name servers are Cloudflare's.", "MX mx1.new.example").
		press("tab", "tab").typeIn("tok-secret").press("tab"). // the usual account's token
		press("tab").typeIn("/srv/www").press("tab").          // where the policy is served
		typeIn("192.0.2.20 2001:db8::20").press("tab", "tab", "tab", "tab")
}

func TestARolloutIsStartedAfterItsAnswersWereTried(t *testing.T) {
	d := fill(drive(t, manyDomains(), 80, 24)).seesNot("tok-secret").sees("10 characters typed, not shown")
	d.press("enter").sees("What was reached:", "directory /srv/www can be written", "Start the rollout; nothing is published yet").didNot("create")
	if !slices.Equal(d.accounts.kept, []string{"cloudflare/api_token=tok-secret"}) {
		t.Fatalf("kept %q", d.accounts.kept)
	}
	d.press("enter").did("create new.example cloudflare webroot:/srv/www [mailto:tls-reports@new.example]").sees("new.example 1 Check MX hosts")
}

// TestWhatIsLiveIsAdoptedAfterAsking: the form shows what somebody else published and
// where the rollout would start, and starts none without the domain typed.
func TestWhatIsLiveIsAdoptedAfterAsking(t *testing.T) {
	live := &rollout.Adoption{
		Domain: "new.example", Record: "v=STSv1; id=theirs1;", ID: "theirs1", Valid: true,
		Body: "version: STSv1\r\nmode: enforce\r\nmx: mx1.new.example\r\nmax_age: 604800\r\n",
		Mode: "enforce", MaxAge: 604800, Phase: rollout.RaiseMaxAge, Aim: 604800,
	}
	for _, size := range [][2]int{{80, 24}, {60, 16}} {
		e := manyDomains()
		e.live = live
		d := fill(drive(t, e, size[0], size[1])).press("enter", "enter").
			sees("Adopt what is live at new.example?", "mode enforce", "max_age 604800", "theirs1", "6 Raise max_age", "Type the domain to go on")
		if size[1] >= 24 {
			d.sees("mx: mx1.new.example", "v=STSv1; id=theirs1;")
		}
		d.press("y", "enter") // typed before it appeared
		d.sees("Adopt what is live")
		d.wait()
		d.press("esc").sees("adopted only when you say so")
		if _, started := e.rollouts["new.example"]; started {
			t.Fatal("a no started it")
		}
		d.press("enter")
		d.wait()
		d.typeIn("new.example").press("enter").sees("new.example 1 Check MX hosts")
	}
}

func TestAnswersThatWereChangedAreTriedAgain(t *testing.T) {
	d := fill(drive(t, manyDomains(), 80, 24)).press("enter").sees("Start the rollout")
	d.press("up", "up", "up").typeIn("x").seesNot("Start the rollout")
}

// TestALeftFormKeepsItsAnswers: esc leaves the form and n comes back to it, answers,
// cursor and all; ctrl+r forgets them, and so does a rollout that was started.
func TestALeftFormKeepsItsAnswers(t *testing.T) {
	d := fill(drive(t, manyDomains(), 80, 40)).press("esc").seesNot("Policy host").press("n").
		sees("new.example", "10 characters typed", "/srv/www", "192.0.2.20 2001:db8::20")
	d.press("esc", "n", "ctrl+r").seesNot("192.0.2.20").sees("the part of your mail addresses")
	d.press("esc", "n").seesNot("192.0.2.20")
	d.press("esc")
	fill(d).press("enter", "enter").did("create new.example").press("esc", "n").seesNot("192.0.2.20")
}

// TestWhatFewNeedIsAskedOfWhoWants: a vendor's names and a TTL come up when More is
// turned, are checked, and stand in the settings.
func TestWhatFewNeedIsAskedOfWhoWants(t *testing.T) {
	e := manyDomains()
	d := fill(drive(t, e, 80, 40)).seesNot("Delegate to", "TTL of records").press("up", "right").sees("Delegate to", "TTL of records", "valimail")
	d.press("tab").typeIn("nobody").press("tab").sees("belay knows no targets of a vendor")
	d.press("ctrl+u").typeIn("_smtp._tls=reports.vendor.example").press("tab").typeIn("7").press("tab").sees("a TTL lies between")
	d.press("ctrl+u").typeIn("3600").press("tab", "enter", "enter").did("create new.example")
	if s := e.rollouts["new.example"].Settings; s.TTL != 3600 || s.Delegate.Reports != "reports.vendor.example" || len(s.HostAddresses) != 2 {
		t.Errorf("the settings are %+v", s)
	}
}

// TestNoLabelOfTheFormIsCut: at any width, whatever provider is chosen, labels and
// hints stand there whole.
func TestNoLabelOfTheFormIsCut(t *testing.T) {
	for _, kind := range []providers.Kind{providers.DNS, providers.Host} {
		for _, p := range providers.Of(kind) {
			for _, f := range p.Fields {
				if len(f.Label)+2 > labelCells {
					t.Errorf("%s: %q is wider than the column", p.ID, f.Label)
				}
			}
		}
	}
	fill(drive(t, manyDomains(), 60, 60)).press("up", "right", "ctrl+u").sees("or NAME=TARGET as your vendor told you", "empty: a TTL that stands is kept")
}

func TestWrongAnswersAreSaidAsTheyAreGiven(t *testing.T) {
	d := drive(t, manyDomains(), 80, 40).press("n").typeIn("user@corp.test").press("tab").sees("is a mail address: type only what stands behind the @")
	d.press("ctrl+u").typeIn("new.example").press("tab").sees("zone new.example at").seesNot("is a mail address")
	d.press("tab", "tab").typeIn("tok").press("tab", "tab").press("tab").sees("type the directory that the web server serves")
	d.typeIn("/srv/www").press("tab").typeIn("192.0.2.1 host.example").press("tab").sees("give addresses or a host name, not both")
}

// What was typed next would else land in the next answer.
func TestAWrongAnswerKeepsTheCursorAndBackLeadsAway(t *testing.T) {
	d := drive(t, manyDomains(), 80, 40).press("n").typeIn("co.uk").press("enter").sees("is a public suffix").
		press("tab").typeIn("x").sees("co.ukx")
	d.press("ctrl+u").typeIn("new.example").press("tab", "tab", "tab").typeIn("tok").press("tab", "tab").
		press("tab").sees("type the directory that the web server serves").
		press("shift+tab", "left").sees("By hand").press("right").press("tab").typeIn("/srv").press("tab").seesNot("type the directory")
}

func TestANamedAccountHasItsOwnVariablesAndIsTried(t *testing.T) {
	d := drive(t, manyDomains(), 80, 40).press("n").typeIn("new.example").press("tab", "tab").
		typeIn("wo rk").press("tab").sees("no slash or space").press("ctrl+u").typeIn("work").press("tab").
		sees("empty: from $CLOUDFLARE_API_TOKEN_WORK")
	d.typeIn("tok-secret").press("tab", "tab", "tab").typeIn("/srv/www").press("tab", "tab", "tab", "tab", "tab", "enter").sees("What was reached:")
	if !slices.Equal(d.accounts.kept, []string{"cloudflare/work/api_token=tok-secret"}) {
		t.Fatalf("kept %q", d.accounts.kept)
	}
	d.press("enter").did("create new.example cloudflare/work webroot:/srv/www [mailto:tls-reports@new.example]")
}

func TestTheRightsOfALoginAreShownForTheDomain(t *testing.T) {
	d := drive(t, manyDomains(), 80, 40).press("n").typeIn("new.example").press("tab").
		press("?").sees("Least rights at Cloudflare", "the zone of new.example", "belay providers show cloudflare new.example")
	d.press("esc", "tab").typeIn("?").sees("Account:           ?").press("f1").sees("Least rights at Cloudflare")
}

func TestTryingLeadsToTheAnswerThatIsWrong(t *testing.T) {
	d := fill(drive(t, manyDomains(), 80, 40)).press("up", "up", "up").press("ctrl+u")
	d.press("up", "down", "down").sees("type where reports go")
	f := d.app.top().(*newRollout)
	f.at = f.try
	d.press("enter").sees("FAIL Reports to: type where reports go")
	if f.at != f.rua {
		t.Errorf("it stands on %q", f.at.label)
	}
}

func TestARefusedLoginKeepsTheFormOpen(t *testing.T) {
	d := drive(t, manyDomains(), 80, 24)
	d.accounts.fail = errors.New("try cloudflare: the token sees no zone new.example")
	fill(d).press("enter").sees("FAIL try cloudflare: the token sees no zone new.example").seesNot("Start the rollout")
}

func TestTheFilterShowsWhatHasItsText(t *testing.T) {
	d := drive(t, manyDomains(), 80, 24).press("/").typeIn("OLD").sees("old.example").seesNot("lists.example")
	d.press("enter", "enter").did("propose old.example")
	d.press("esc", "/", "esc").sees("lists.example").press("/").typeIn("nowhere").sees(`No domain has "nowhere" in it.`)
}

func TestTheCheckScreenLooksAtAnyDomain(t *testing.T) {
	d := drive(t, manyDomains(), 80, 24).press("c").typeIn("no domain").press("enter").sees("has a space or separator in it").didNot("check")
	d.press("ctrl+u").typeIn("corp.test").press("enter").did("check corp.test").sees("verdict: FAIL", "expired 3 days ago")
	d.press("c").sees("Copied how to mend mx2.corp.test.")
	if len(d.copied) != 1 || d.copied[0] != "Renew it and reload the MTA; then look again." {
		t.Fatalf("copied %q", d.copied)
	}
	d.press("ctrl+l", "ctrl+u").typeIn("other.test").press("esc").sees("verdict: FAIL").press("/", "enter").did("check other.test")
	d.press("esc").sees("5 domains")
}
