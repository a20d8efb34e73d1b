package lab

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// An organisation is somebody else's mail system that sends to the lab's mail
// domains.
type organisation struct {
	name   string // as its reports say it
	domain string // its mail and signing domain
	host   host   // where it sends from
	daily  int    // messages a day to each mail domain
	known  bool   // on the list of known senders
}

func organisations() []organisation {
	return []organisation{
		{"Sender One Inc.", "sender-one.test", host{"sender-one", 101}, 4, true},
		{"Sender Two AG", "sender-two.test", host{"sender-two", 102}, 3, true},
		{"A Stranger", "stranger.test", host{"stranger", 103}, 2, false},
	}
}

// KnownSenders are the organisational domains of the lab's senders that count as
// known, for a rollout's settings. One more sender is unknown.
func (l *Lab) KnownSenders() []string {
	var out []string
	for _, o := range organisations() {
		if o.known {
			out = append(out, o.domain)
		}
	}
	return out
}

// A sender is an organisation at work (a sending MTA in the words of RFC 8461). It
// keeps the policies it fetched, the mail it could not deliver, and a tally of
// what it met.
type sender struct {
	organisation
	lab     *Lab
	key     ed25519.PrivateKey // signs its reports
	held    map[string]*held   // by policy domain
	tallies []*tally
	queue   []message
	turn    int // counts sessions, to take turns between address families
}

// selector names the DKIM key of every sender.
const selector = "lab"

func newSenders(l *Lab) ([]*sender, error) {
	var out []*sender
	for _, o := range organisations() {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make the DKIM key of %s: %w", o.domain, err)
		}
		out = append(out, &sender{organisation: o, lab: l, key: key, held: map[string]*held{}})
	}
	return out, nil
}

// records are the sender's own in the zone test.: its DKIM key, which may sign
// reports only (RFC 8460 section 3), and the address it sends from.
func (s *sender) records() string {
	public := base64.StdEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey))
	return fmt.Sprintf("%s._domainkey.%s. 3600 TXT \"v=DKIM1; k=ed25519; s=tlsrpt; p=%s\"\n", selector, s.domain, public) +
		address("out."+s.domain+".", s.host)
}

// A message waits to be delivered.
type message struct {
	domain string
	since  time.Time
	// backup sends it to the first host last, as senders do that found it busy a
	// moment ago. One message a day is, so that every day meets a second host.
	backup bool
}

// queueTime is how long a sender keeps trying before it gives a message up.
const queueTime = 5 * 24 * time.Hour

// sendDay sends one day's messages, those still waiting first.
func (s *sender) sendDay(ctx context.Context) (out DayResult) {
	now := s.lab.clock.Now()
	due := s.queue
	s.queue = nil
	for _, domain := range s.lab.options.domains() {
		for n := range s.daily {
			due = append(due, message{domain, now, n == s.daily-1})
		}
	}
	for _, m := range due {
		refusals, why := s.deliver(ctx, m)
		out.Refused = append(out.Refused, refusals...)
		if why == nil {
			out.Delivered++
			continue
		}
		gaveUp := now.Sub(m.since) >= queueTime
		if !gaveUp {
			s.queue = append(s.queue, m)
		}
		out.Undelivered = append(out.Undelivered, Undelivered{s.domain, m.domain, m.since, why.Error(), gaveUp})
	}
	return out
}

// deliver tries the MX hosts of m's domain in order, as the policy held allows,
// until one takes the message. The error says why none did.
func (s *sender) deliver(ctx context.Context, m message) (refusals []Refusal, why error) {
	policy, trouble := s.policyFor(ctx, m.domain)
	hosts, err := s.lab.lookupMX(ctx, m.domain)
	if err != nil {
		return nil, err
	}
	if m.backup {
		hosts = append(hosts[1:], hosts[0])
	}
	t := s.tallyOf(m.domain)
	letter := envelope{
		from: "news@" + s.domain,
		to:   "staff@" + m.domain,
		text: fmt.Appendf(nil, "From: news@%s\r\nTo: staff@%s\r\nSubject: News of %s\r\n\r\nAll is well here.\r\n",
			s.domain, m.domain, m.since.Format(time.DateOnly)),
	}
	why = fmt.Errorf("%s has no MX host that answers", m.domain)
	for _, mx := range hosts {
		_, covered := policy.policy.Matches(mx)
		covered = covered || !policy.judges()
		if !covered && policy.enforces() {
			met := uncovered(encounter{})
			t.add(policy, trouble, s.host.ipv4(), mx, met)
			refusals = append(refusals, Refusal{s.domain, m.domain, mx, netip.Addr{}, met.problem, met.why})
			why = fmt.Errorf("%s: %s", mx, met.why)
			continue
		}
		for _, ip := range s.addresses(ctx, mx) {
			met := s.session(ctx, mx, ip, letter, policy.judges(), policy.enforces())
			if !covered {
				met = uncovered(met)
			}
			if met.spoke {
				t.add(policy, trouble, s.from(ip), mx, met.at(ip))
			}
			if met.err == nil {
				return refusals, nil
			}
			why = fmt.Errorf("%s [%s]: %w", mx, ip, met.err)
			if met.problem != "" && policy.enforces() {
				refusals = append(refusals, Refusal{s.domain, m.domain, mx, ip, met.problem, met.why})
			}
		}
	}
	return refusals, why
}

// uncovered is what a session counts as whose MX host no pattern of the policy
// matches, whatever else was wrong with it.
func uncovered(met encounter) encounter {
	met.problem, met.why = tlsrpt.ValidationFailure, "the policy does not cover this MX host"
	return met
}

// addresses are those of an MX host, each family first in turn.
func (s *sender) addresses(ctx context.Context, mx string) []netip.Addr {
	s.turn++
	all, err := s.lab.lookupHost(ctx, mx)
	if err != nil {
		return nil
	}
	if s.turn%2 == 0 {
		slices.Reverse(all)
	}
	return all
}

// from is the sender's address in the family of ip.
func (s *sender) from(ip netip.Addr) netip.Addr {
	if ip.Is6() {
		return s.host.ipv6()
	}
	return s.host.ipv4()
}

// A held policy is one that a sender fetched and keeps.
type held struct {
	id     string
	policy mtasts.Policy
	lines  []string // as they stood in the body
	until  time.Time
	// What came of the last fetch of another id, kept so that a broken policy
	// host is not asked for every message (RFC 8461 section 3.3).
	failedID   string
	failure    tlsrpt.Failure
	retryAfter time.Time
}

// judges reports whether a session under h is compared with the policy; a nil h
// and mode none ask for nothing.
func (h *held) judges() bool {
	return h != nil && h.lines != nil && h.policy.Mode != mtasts.None
}

func (h *held) enforces() bool { return h.judges() && h.policy.Mode == mtasts.Enforce }
