package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"belay/steps/sender"
)

// disrepair is the mail domain in one state, and what becomes of mail to it.
type disrepair struct {
	name string
	// policy is the body that the policy host serves, line by line; nil is none.
	policy []string
	// knobs break it: a shell script of the testbed's knobs. The id 1 is announced
	// before they are turned.
	knobs string
	// held is true for a sender that fetched a policy in enforce, id held, before
	// anything broke, and for an operator whose rollout knows of it.
	held bool
	// becomes of the mail what this says: the MX host that takes it, or waits.
	becomes string
	// strictly is what becomes of a mail whose sender goes by the RFC, where that is
	// something else.
	strictly string
}

// What becomes of a mail that no MX host takes: the sender keeps it.
const waits = "deferred"

// Hosts of which a sender that enforces takes none.
const expired = "mx-mode.sh mx1 expired; mx-mode.sh mx2 expired\n"

// One MX host alone, which such a sender does not take: cheaper to break than two.
const onlyExpired = "dns.sh mx mx2:10; mx-mode.sh mx2 expired\n"

// policyOf is a policy for these MX patterns.
func policyOf(mode string, patterns ...string) []string {
	lines := []string{"version: STSv1", "mode: " + mode}
	for _, p := range patterns {
		lines = append(lines, "mx: "+p)
	}
	return append(lines, "max_age: 86400")
}

var (
	enforcedPolicy = policyOf("enforce", "mx1.corp.test", "mx2.corp.test")
	testingPolicy  = policyOf("testing", "mx1.corp.test", "mx2.corp.test")
)

// disrepairs are the states, those of the MX hosts first, then those of the policy
// host, the record, the policy's text, and what a sender held before.
var disrepairs = []disrepair{
	{name: "all is well", policy: enforcedPolicy, becomes: "mx1"},
	{name: "every MX host expired", policy: enforcedPolicy, knobs: expired, becomes: waits},
	{name: "one MX host expired", policy: enforcedPolicy, knobs: "mx-mode.sh mx1 expired", becomes: "mx2"},
	{name: "one address of two expired", policy: enforcedPolicy, becomes: "mx2",
		knobs: "mx-mode.sh mx2 expired; mx-mode.sh mx2b valid; dns.sh addr mx2 127.0.1.3 127.0.1.5; dns.sh mx mx2:10"},
	{name: "certificates for another name", policy: enforcedPolicy, knobs: "mx-mode.sh mx1 wrongname; mx-mode.sh mx2 wrongname", becomes: waits},
	{name: "a certificate for a name that the policy covers", policy: policyOf("enforce", "mx2.corp.test", "*.other.test"),
		knobs: "dns.sh mx mx2:10; mx-mode.sh mx2 wrongname", becomes: "mx2", strictly: waits},
	{name: "self-signed, and of a private CA", policy: enforcedPolicy, knobs: "mx-mode.sh mx1 selfsigned; mx-mode.sh mx2 untrusted", becomes: waits},
	{name: "no intermediate certificate", policy: enforcedPolicy, knobs: "mx-mode.sh mx1 missing-intermediate; mx-mode.sh mx2 missing-intermediate", becomes: waits},
	{name: "no STARTTLS", policy: enforcedPolicy, knobs: "mx-mode.sh mx1 no-starttls; mx-mode.sh mx2 no-starttls", becomes: waits},
	{name: "no STARTTLS, in testing", policy: testingPolicy, knobs: "mx-mode.sh mx1 no-starttls; mx-mode.sh mx2 no-starttls", becomes: "mx1"},
	{name: "STARTTLS is refused", policy: enforcedPolicy, knobs: "mx-mode.sh mx1 no-key; mx-mode.sh mx2 no-key", becomes: waits},
	{name: "STARTTLS is refused, in testing", policy: testingPolicy, knobs: "mx-mode.sh mx1 no-key; mx-mode.sh mx2 no-key", becomes: "mx1"},
	{name: "nothing newer than TLS 1.1", policy: enforcedPolicy, knobs: "mx-mode.sh mx1 old-tls; mx-mode.sh mx2 old-tls", becomes: waits},
	{name: "nothing newer than TLS 1.1, in testing", policy: testingPolicy, knobs: "mx-mode.sh mx1 old-tls; mx-mode.sh mx2 old-tls", becomes: "mx1"},
	{name: "the first MX host is down", policy: enforcedPolicy, knobs: "mx-mode.sh mx1 down", becomes: "mx2"},
	{name: "both MX hosts are down", policy: testingPolicy, knobs: "mx-mode.sh mx1 down; mx-mode.sh mx2 down", becomes: waits},
	{name: "no MX host is in the policy", policy: policyOf("enforce", "mx9.corp.test"), becomes: waits},
	{name: "the second MX host alone is in the policy", policy: policyOf("enforce", "mx2.corp.test"), becomes: "mx2"},
	{name: "every MX host expired, in testing", policy: testingPolicy, knobs: expired, becomes: "mx1"},
	{name: "every MX host expired, mode none", policy: policyOf("none"), knobs: expired, becomes: "mx1"},

	{name: "policy host: 404", knobs: onlyExpired + "policy-mode.sh notfound", policy: enforcedPolicy, becomes: "mx2"},
	{name: "policy host: redirect to a good policy", knobs: onlyExpired + "policy-mode.sh redirect", policy: enforcedPolicy, becomes: "mx2"},
	{name: "policy host: text/html", knobs: onlyExpired + "policy-mode.sh badtype", policy: enforcedPolicy, becomes: "mx2"},
	{name: "policy host: no media type", knobs: onlyExpired + "policy-mode.sh notype", policy: enforcedPolicy, becomes: "mx2"},
	{name: "policy host: more than 64 KiB", knobs: onlyExpired + "policy-mode.sh huge", policy: enforcedPolicy, becomes: "mx2"},
	{name: "policy host: answers after 11 s", knobs: onlyExpired + "policy-mode.sh slow 11", policy: enforcedPolicy, becomes: "mx2", strictly: waits},
	{name: "policy host: certificate expired", knobs: onlyExpired + "policy-mode.sh expired", policy: enforcedPolicy, becomes: "mx2"},
	{name: "policy host: no intermediate certificate", knobs: onlyExpired + "policy-mode.sh missing-intermediate", policy: enforcedPolicy, becomes: "mx2"},
	{name: "policy host: down", knobs: onlyExpired + "policy-mode.sh down", policy: enforcedPolicy, becomes: "mx2"},
	{name: "policy host: one of two addresses down", knobs: onlyExpired + "web-addr.sh 2 ok; dns.sh addr mta-sts 127.0.1.2 127.0.1.4; web-addr.sh 1 down", policy: enforcedPolicy, becomes: waits},

	{name: "no record", knobs: onlyExpired + "dns.sh txt -", policy: enforcedPolicy, becomes: "mx2"},
	{name: "two records", knobs: onlyExpired + `dns.sh raw <<<'update add _mta-sts.corp.test. 60 TXT "v=STSv1; id=2;"'`, policy: enforcedPolicy, becomes: "mx2"},
	{name: "a foreign TXT record beside ours", knobs: onlyExpired + `dns.sh raw <<<'update add _mta-sts.corp.test. 60 TXT "v=spf1 -all"'`, policy: enforcedPolicy, becomes: waits},
	{name: "the record by way of a CNAME", knobs: onlyExpired + "dns.sh txt -; dns.sh raw <<<'update add _mta-sts.corp.test. 60 CNAME corp._mta-sts.provider.test.'", policy: enforcedPolicy, becomes: waits},
	{name: "an id with hyphens", knobs: onlyExpired + "dns.sh txt 2026-03-01", policy: enforcedPolicy, becomes: waits, strictly: "mx2"},
	{name: "name servers with different ids", knobs: onlyExpired + "ns2-mode.sh other", policy: enforcedPolicy, becomes: waits},
	{name: "a name server that refuses", knobs: onlyExpired + "ns2-mode.sh refuse", policy: enforcedPolicy, becomes: waits},

	{name: "policy: without an mx line", knobs: onlyExpired, policy: policyOf("enforce"), becomes: "mx2"},
	{name: "policy: mode in capitals", knobs: onlyExpired, policy: policyOf("Enforce", "mx2.corp.test"), becomes: "mx2"},
	{name: "policy: max_age in words", knobs: onlyExpired, policy: []string{"version: STSv1", "mode: enforce", "mx: mx2.corp.test", "max_age: 1d"}, becomes: "mx2"},
	{name: "policy: a blank line", knobs: onlyExpired, policy: append(slices.Clone(enforcedPolicy), ""), becomes: waits, strictly: "mx2"},
	{name: "policy: two modes", knobs: onlyExpired, policy: append(slices.Clone(testingPolicy), "mode: enforce"), becomes: waits, strictly: "mx2"},
	{name: "policy: MX hosts in one line", policy: policyOf("enforce", "mx1.corp.test, mx2.corp.test"), becomes: waits, strictly: "mx1"},
	{name: "policy: MX host with a final dot", policy: policyOf("enforce", "mx1.corp.test.", "mx2.corp.test."), becomes: waits, strictly: "mx1"},
	{name: "policy: MX host with a port", knobs: "mx-mode.sh mx1 expired", policy: policyOf("enforce", "mx1.corp.test:25", "mx2.corp.test:25"), becomes: "mx2", strictly: "mx1"},

	{name: "held: the policy host is down", held: true, knobs: onlyExpired + "policy-mode.sh down", becomes: waits},
	{name: "held: the record is gone", held: true, knobs: onlyExpired + "dns.sh txt -", becomes: waits},
	{name: "held: testing now, and its id is new", held: true, knobs: onlyExpired + "policy-set.sh testing; dns.sh txt new", becomes: "mx2"},
	{name: "held: testing now, and its id is not", held: true, knobs: onlyExpired + "policy-set.sh testing", becomes: waits},
}

// TestAcceptanceStates: in each state of disrepair belay says what becomes of a mail
// that Postfix sends with postfix-mta-sts-resolver, and it does become of it.
func TestAcceptanceStates(t *testing.T) {
	servers := openTestbed(t)
	var told strings.Builder
	table := tabwriter.NewWriter(&told, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STATE\tBY THE RFC\tBELAY OF POSTFIX\tPOSTFIX")
	for _, d := range disrepairs {
		t.Run(d.name, func(t *testing.T) {
			b := servers.again(t)
			b.breakDown(d)
			strict, postfix := b.foretold(d)
			really := b.mailed()
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", d.name, strict, postfix, really)
			if postfix != really {
				t.Errorf("belay says of Postfix: %s, and it was: %s", postfix, really)
			}
			if d.strictly == "" {
				d.strictly = d.becomes
			}
			if really != d.becomes || strict != d.strictly {
				t.Errorf("mail of Postfix: %s, want %s; belay says of one by the RFC: %s, want %s", really, d.becomes, strict, d.strictly)
			}
		})
	}
	table.Flush()
	t.Logf("%d states\n%s", len(disrepairs), told.String())
}

// again is the same servers, put back as at first, and an operator with an empty
// store.
func (b *testbed) again(t *testing.T) *testbed {
	next := *b
	next.T, next.state = t, filepath.Join(t.TempDir(), "state")
	next.turn("reset.sh")
	return &next
}

// breakDown brings the servers into a state.
func (b *testbed) breakDown(d disrepair) {
	b.Helper()
	if d.held {
		b.turn("foreign.sh", "enforce", "held", "86400")
		b.begin("--adopt")
	} else {
		b.turn("dns.sh", "txt", "1")
	}
	if d.policy != nil {
		file := filepath.Join(b.TempDir(), "mta-sts.txt")
		if err := os.WriteFile(file, []byte(strings.Join(d.policy, "\r\n")+"\r\n"), 0o644); err != nil {
			b.Fatal(err)
		}
		b.turn("policy-set.sh", file)
	}
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	script := exec.CommandContext(ctx, "bash", "-ec", d.knobs)
	script.Env = append(os.Environ(), "PATH="+b.knobs+":"+os.Getenv("PATH"))
	if out, err := script.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", d.knobs, err, out)
	}
}

// foretold is what belay says becomes of a mail: of one whose sender goes by the
// RFC, and of one of Postfix's.
func (b *testbed) foretold(d disrepair) (strict, postfix string) {
	b.Helper()
	got := b.start("check", domain, "--as-sender", "--json").end()
	var s sendersShape
	if err := json.Unmarshal([]byte(got.out), &s); err != nil || s.Error != "" {
		b.Fatalf("no views of %v: %v %s", got, err, s.Error)
	}
	v := viewOf(s.Views, d.held)
	strict = becomes(v.Outcome, v.To)
	if v.Postfix == "" && v.PostfixTo == "" {
		return strict, strict
	}
	outcome := v.Postfix
	if outcome == "" {
		outcome = v.Outcome
	}
	return strict, becomes(outcome, v.PostfixTo)
}

// viewOf is the view of a sender that looks for the first time, or of one that holds
// a policy from before: it goes by that until it can fetch a newer one.
func viewOf(views []sender.View, held bool) sender.View {
	named := func(n sender.Name) int {
		return slices.IndexFunc(views, func(v sender.View) bool {
			return v.Name == n && (n != sender.Cached || slices.Contains(v.IDs, "held"))
		})
	}
	if i := named(sender.Cached); held && i >= 0 && !views[i].Renews {
		return views[i]
	}
	return views[named(sender.Published)]
}

func becomes(o sender.Outcome, to string) string {
	if o == sender.Deliver {
		host, _, _ := strings.Cut(to, ".")
		return host
	}
	return map[sender.Outcome]string{sender.Defer: waits, sender.Bounce: "bounced", sender.Unknown: "unknown"}[o]
}

var relayed = regexp.MustCompile(`relay=(mx[0-9])\.corp\.test.* status=sent`)

// mailed sends a mail through Postfix and says what became of it. Where nothing is
// enforced Postfix tries it twice if need be: the second time without TLS.
func (b *testbed) mailed() string {
	b.Helper()
	answer := b.sender(false) // and the name servers are asked anew
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	send := exec.CommandContext(ctx, filepath.Join(b.knobs, "send.sh"))
	if !strings.HasPrefix(answer, "secure ") {
		send.Env = append(os.Environ(), "AGAIN=1")
	}
	log, err := send.CombinedOutput()
	exit := new(exec.ExitError)
	if err != nil && !errors.As(err, &exit) {
		b.Fatal(err)
	}
	b.Logf("%s\n%s", answer, log)
	if took := relayed.FindSubmatch(log); took != nil {
		return string(took[1])
	}
	if err != nil && exit.ExitCode() == deferred {
		return waits
	}
	return fmt.Sprintf("exit %v", err)
}
