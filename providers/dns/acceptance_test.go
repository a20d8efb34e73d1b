package dns_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"belay/providers/lab/relay"

	miekg "github.com/miekg/dns"
)

// The acceptance tests put rfc2136 through the suite with BIND and with Knot, as
// Debian ships them, which .ci/testbed starts with policies of least privilege.
// What stands in the zone is put there by nsupdate and read by dig.

// primary is where the testbed's primary name server listens.
const primary = "127.0.0.2"

// testbed is the servers' state and the scripts that change it.
type testbed struct{ knobs, run string }

// openTestbed puts the servers back as at first, with software as the primary.
// Without servers the test is skipped, unless BELAY_ACCEPTANCE=1 says that they
// must be there.
func openTestbed(t *testing.T, software string) testbed {
	t.Helper()
	b := testbed{filepath.Join(os.Getenv("BELAY_TESTBED"), "bin"), os.Getenv("LAB_RUN")}
	if os.Getenv("BELAY_TESTBED") == "" || b.run == "" {
		if os.Getenv("BELAY_ACCEPTANCE") == "1" {
			t.Fatal("BELAY_ACCEPTANCE=1 asks for the testbed, and BELAY_TESTBED and LAB_RUN do not name it")
		}
		t.Skip("ACCEPTANCE TEST NOT RUN: BELAY_TESTBED and LAB_RUN do not name the testbed; .ci/README.md says how to start the servers")
	}
	b.turn(t, "reset.sh")
	b.turn(t, "ns1-server.sh", software)
	return b
}

// onServers runs f with BIND and with Knot as the primary.
func onServers(t *testing.T, f func(t *testing.T, b testbed, software string)) {
	for _, software := range []string{"bind", "knot"} {
		t.Run(software, func(t *testing.T) { f(t, openTestbed(t, software), software) })
	}
}

// turn turns a knob, which returns when the servers are seen to be as wanted.
func (b testbed) turn(t *testing.T, knob string, args ...string) {
	t.Helper()
	if out, err := exec.Command(filepath.Join(b.knobs, knob), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", knob, strings.Join(args, " "), err, out)
	}
}

var keySecret = regexp.MustCompile(`secret "([^"]+)"`)

// creds are those of one of the testbed's keys.
func (b testbed) creds(t *testing.T, key string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.run, "keys", key+".key"))
	found := keySecret.FindSubmatch(text)
	if err != nil || found == nil {
		t.Fatalf("read the TSIG key %s: %v", key, err)
	}
	return map[string]string{"server": primary, "key_name": key, "key_alg": "hmac-sha256", "key": string(found[1])}
}

// update changes the zone as its owner, by nsupdate.
func (b testbed) update(t *testing.T, lines ...string) {
	t.Helper()
	cmd := exec.Command("nsupdate", "-k", filepath.Join(b.run, "keys", "lab-admin.key"))
	cmd.Stdin = strings.NewReader("server " + primary + "\nzone " + domain + "\n" + strings.Join(lines, "\n") + "\nsend\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nsupdate %q: %v\n%s", lines, err, out)
	}
}

// holds are the values that the primary answers with, sorted.
func (b testbed) holds(name, typ string) []string {
	out, err := exec.Command("dig", "+noall", "+answer", "+norec", "+tcp", "@"+primary, name, typ).Output()
	if err != nil {
		return []string{"dig: " + err.Error()}
	}
	var values []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 5 || f[3] != typ {
			continue
		}
		value := strings.TrimSuffix(f[4], ".")
		if typ == "TXT" {
			value = spoken(line[strings.IndexByte(line, '"'):])
		}
		values = append(values, value)
	}
	slices.Sort(values)
	return values
}

var inQuotes = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
var escaped = regexp.MustCompile(`\\(\d{3}|.)`)

// spoken is the text of a TXT record as dig prints it.
func spoken(printed string) string {
	var text strings.Builder
	for _, part := range inQuotes.FindAllStringSubmatch(printed, -1) {
		text.WriteString(escaped.ReplaceAllStringFunc(part[1], func(e string) string {
			if n, err := strconv.ParseUint(e[1:], 10, 8); err == nil && len(e) == 4 {
				return string([]byte{byte(n)})
			}
			return e[1:]
		}))
	}
	return text.String()
}

// serial counts the changes of the zone: each update that changes something adds
// one, at both servers.
func (b testbed) serial(t *testing.T) int {
	t.Helper()
	q := new(miekg.Msg)
	q.SetQuestion(domain+".", miekg.TypeSOA)
	r, err := miekg.Exchange(q, primary+":53") // no context: it is asked in clean-ups, too
	if err != nil || len(r.Answer) != 1 {
		t.Fatalf("SOA of %s: %v, %v", domain, r, err)
	}
	return int(r.Answer[0].(*miekg.SOA).Serial)
}

// bench is the primary as the suite wants it, with nothing at the rollout's names,
// for a login with this key.
func (b testbed) bench(t *testing.T, key string) bench {
	t.Helper()
	b.update(t, "update delete _mta-sts."+domain, "update delete _smtp._tls."+domain, "update delete mta-sts."+domain)
	way, err := relay.To(primary + ":53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.Close)
	creds := b.creds(t, key)
	creds["server"] = way.Address()
	count := 0 // what the test itself has changed
	start := b.serial(t)
	return bench{
		provider: "rfc2136", secretKey: "key", creds: creds,
		put: func(t *testing.T, name, typ string, values ...string) {
			t.Helper()
			before := b.serial(t)
			lines := []string{fmt.Sprintf("update delete %s %s", name, typ)}
			for _, v := range values {
				switch typ {
				case "TXT":
					v = quoted(v, `\"`)
				case "CNAME":
					v += "."
				}
				lines = append(lines, fmt.Sprintf("update add %s %d %s %s", name, stoodTTL, typ, v))
			}
			b.update(t, lines...)
			count += b.serial(t) - before
		},
		holds:     b.holds,
		writes:    func(string) int { return b.serial(t) - start - count },
		meanwhile: way.BeforeUpdate,
	}
}

// TestAcceptanceSuite: what every provider must do, rfc2136 does with BIND and
// with Knot, whether the key may transfer the zone or not.
func TestAcceptanceSuite(t *testing.T) {
	cases := suite()
	cases["a change is compared by the server"] = isComparedByTheServer
	onServers(t, func(t *testing.T, b testbed, _ string) {
		for key, shows := range map[string]string{"rollout-axfr": "by transfer", "rollout": "without transfer"} {
			t.Run(shows, func(t *testing.T) {
				for name, f := range cases {
					t.Run(name, func(t *testing.T) { f(t, b.bench(t, key)) })
				}
			})
		}
	})
}
