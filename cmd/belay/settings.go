package main

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"belay/providers"
	"belay/providers/host"
	"belay/rollout"
	"belay/rollout/mtasts"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settingFlags are the flags of new and set. Only those that were given change
// anything.
type settingFlags struct {
	dns, account, host, cname string
	addresses, rua, mx, soak  []string
	inboxes, senders          []string
	authserv                  []string
	minReporters, stray       int
	maxAge, heldBefore, ttl   int64
	delegate                  []string
	challenge                 string
	given                     *pflag.FlagSet
}

func (s *settingFlags) register(c *cobra.Command) {
	f := c.Flags()
	s.given = f
	f.StringVar(&s.dns, "dns", "", "DNS provider `P`: "+dnsProviders())
	f.StringVar(&s.account, "account", "", "`NAME` of the login at the DNS provider, where there are several")
	f.StringVar(&s.host, "host", "", "where the policy is served, `H`: webroot:DIR, sftp://USER@HOST/DIR, static:DIR, serve, cloudflare-worker, valimail or manual")
	f.StringArrayVar(&s.addresses, "host-address", nil, "`IP` that mta-sts.DOMAIN points at (repeatable)")
	f.StringVar(&s.cname, "host-cname", "", "`NAME` that mta-sts.DOMAIN points at instead")
	f.StringArrayVar(&s.delegate, "delegate", nil, delegateHelp())
	f.Int64Var(&s.ttl, "ttl", 0, "write records with a TTL of `SECONDS`; 0 keeps the TTL that stands there")
	f.StringArrayVar(&s.rua, "rua", nil, "`URI` that TLS reports go to, such as mailto:tlsrpt@corp.example (repeatable)")
	f.StringArrayVar(&s.mx, "mx", nil, "`PATTERN` of MX hosts in the policy (repeatable; default the exact MX names found)")
	f.StringArrayVar(&s.soak, "soak", nil, "clean time `KEY=DURATION`; KEY is testing, silent, enforce, max-age or max-age.SECONDS; 14d, 36h or 0 (repeatable)")
	f.IntVar(&s.minReporters, "min-reporters", 0, "`N` known reporters that open the reports gate after the shorter time")
	f.IntVar(&s.stray, "stray", 0, "the most stray failures of one reporter in a period that do not block, `N`; 0 tolerates none")
	f.Int64Var(&s.maxAge, "max-age", 0, "the max_age to reach, in `SECONDS`")
	f.StringArrayVar(&s.inboxes, "inbox", nil, "file, folder, Maildir or URL of a mailbox, `FROM` which next takes reports (repeatable)")
	f.StringVar(&s.challenge, "challenge", "", challengeHelp)
	f.StringArrayVar(&s.authserv, "authserv-id", nil, "believe what your own MX wrote under this `NAME` in Authentication-Results (repeatable)")
	f.StringArrayVar(&s.senders, "sender", nil, "`DOMAIN` of a known sender, in place of the shipped list (repeatable)")
}

func dnsProviders() string {
	var ids []string
	for _, p := range providers.Of(providers.DNS) {
		ids = append(ids, p.ID)
	}
	return strings.Join(ids, ", ")
}

// change is what one flag does to the settings.
type change struct {
	flag string
	do   func(*rollout.Settings) error
}

// changes are the flags in the order in which they are applied.
func (s *settingFlags) changes() []change {
	return []change{
		{"dns", s.setDNS}, {"account", s.setAccount}, {"host", s.setHost},
		{"host-address", s.setAddresses}, {"host-cname", s.setCNAME}, {"delegate", s.setDelegate}, {"ttl", s.setTTL},
		{"rua", func(to *rollout.Settings) error { to.RUA = s.rua; return nil }},
		{"mx", s.setMX},
		{"min-reporters", func(to *rollout.Settings) error { to.MinReporters = s.minReporters; return nil }},
		{"stray", func(to *rollout.Settings) error { to.Stray = s.stray; return nil }},
		{"max-age", s.setMaxAge}, {"held-before", s.setHeldBefore},
		{"soak", s.setSoak}, // after the target, which says what rungs there are
		{"inbox", s.setInboxes}, {"authserv-id", s.setAuthserv}, {"sender", s.setSenders}, {"challenge", s.setChallenge},
	}
}

// apply changes what was given.
func (s *settingFlags) apply(to *rollout.Settings) error {
	for _, change := range s.changes() {
		if !s.given.Changed(change.flag) {
			continue
		}
		if err := change.do(to); err != nil {
			return usagef("--%s: %w", change.flag, err)
		}
	}
	return nil
}

func (s *settingFlags) setDNS(to *rollout.Settings) error {
	if _, ok := providers.Lookup(providers.DNS, s.dns); !ok {
		return fmt.Errorf("belay speaks with no provider %q; it is one of %s, and manual works with every one", s.dns, dnsProviders())
	}
	if to.DNS.Provider != s.dns {
		to.DNS = rollout.Account{Provider: s.dns}
	}
	return nil
}

func (s *settingFlags) setAccount(to *rollout.Settings) error {
	if strings.ContainsAny(s.account, "/ \t") {
		return fmt.Errorf("the name %q has a slash or a space in it", s.account)
	}
	to.DNS.Name = s.account
	return nil
}

func (s *settingFlags) setHost(to *rollout.Settings) (err error) {
	was := to.Host
	if to.Host, err = host.ParseSpec(s.host); err == nil {
		s.follow(was, to)
	}
	return err
}

// setAddresses replaces a name that mta-sts pointed at: a host has one or the
// other.
func (s *settingFlags) setAddresses(to *rollout.Settings) error {
	to.HostAddresses = nil
	for _, text := range s.addresses {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("%q is no IP address", text)
		}
		to.HostAddresses = append(to.HostAddresses, ip)
	}
	if !s.given.Changed("host-cname") {
		to.HostCNAME = ""
	}
	return nil
}

func (s *settingFlags) setCNAME(to *rollout.Settings) error {
	to.HostCNAME = strings.ToLower(strings.TrimSuffix(s.cname, "."))
	if !s.given.Changed("host-address") {
		to.HostAddresses = nil
	}
	return nil
}

func (s *settingFlags) setMX(to *rollout.Settings) error {
	to.MX = nil
	for _, pattern := range s.mx {
		if pattern != "" { // --mx= goes back to the names found
			to.MX = append(to.MX, strings.ToLower(strings.TrimSuffix(pattern, ".")))
		}
	}
	return nil
}

func (s *settingFlags) setMaxAge(to *rollout.Settings) error {
	if s.maxAge < rollout.TestingMaxAge || s.maxAge > rollout.LongestMaxAge {
		return fmt.Errorf("the target max_age is %d; it must lie between %d (a day) and %d (RFC 8461 section 3.2)",
			s.maxAge, rollout.TestingMaxAge, rollout.LongestMaxAge)
	}
	to.MaxAge = uint32(s.maxAge)
	return nil
}

func (s *settingFlags) setHeldBefore(to *rollout.Settings) error {
	held, err := maxAge(s.heldBefore)
	to.HeldBefore = &held
	return err
}

func maxAge(n int64) (uint32, error) {
	if n < 0 || n > mtasts.MaxAgeLimit {
		return 0, fmt.Errorf("%d is no max_age: it lies between 0 and %d seconds", n, mtasts.MaxAgeLimit)
	}
	return uint32(n), nil
}

func (s *settingFlags) setInboxes(to *rollout.Settings) error {
	to.Inboxes = nil
	for _, path := range s.inboxes {
		if path == "" { // --inbox= reads none any more
			continue
		}
		from, err := inboxOf(path)
		if err != nil {
			return err
		}
		if from == standardInput {
			return fmt.Errorf("the standard input is no inbox that next could read; belay reports import - reads it once")
		}
		to.Inboxes = append(to.Inboxes, from)
	}
	return nil
}

func (s *settingFlags) setAuthserv(to *rollout.Settings) error {
	to.AuthservID = nil
	for _, id := range s.authserv {
		if id != "" { // --authserv-id= believes no such field any more
			to.AuthservID = append(to.AuthservID, strings.ToLower(id))
		}
	}
	return nil
}

func (s *settingFlags) setSenders(to *rollout.Settings) error {
	to.Senders = nil
	for _, typed := range s.senders {
		if typed == "" { // --sender= goes back to the shipped list
			continue
		}
		domain, _, err := mtasts.Domain(typed)
		if err != nil {
			return err
		}
		to.Senders = append(to.Senders, domain)
	}
	return nil
}

// setSoak reads KEY=DURATION, as often as it was given.
func (s *settingFlags) setSoak(to *rollout.Settings) error {
	for _, given := range s.soak {
		key, text, ok := strings.Cut(given, "=")
		if !ok {
			return fmt.Errorf("%q is not KEY=DURATION", given)
		}
		d, err := parseDuration(text)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		switch key {
		case "testing":
			to.Soak.Testing = d
		case "silent":
			to.Soak.Silent = d
		case "enforce":
			to.Soak.Enforce = d
		case "max-age":
			to.Soak.MaxAge = nil // it stands for every rung, also those named before
			to.Soak.Set(0, d)
		default:
			rung, err := strconv.ParseUint(strings.TrimPrefix(key, "max-age."), 10, 32)
			if err != nil || !strings.HasPrefix(key, "max-age.") || !slices.Contains(to.Rungs(), uint32(rung)) {
				return fmt.Errorf("there is no clean time %q: it is testing, silent, enforce, max-age, or max-age.N with N one of the rungs %v", key, to.Rungs())
			}
			to.Soak.Set(uint32(rung), d)
		}
	}
	return nil
}

// parseDuration reads 14d, 2w, 36h30m or 0.
func parseDuration(text string) (time.Duration, error) {
	for unit, length := range map[string]time.Duration{"d": rollout.Day, "w": 7 * rollout.Day} {
		n, err := strconv.ParseFloat(strings.TrimSuffix(text, unit), 64)
		if !strings.HasSuffix(text, unit) || err != nil {
			continue
		}
		if !(n >= 0 && n*float64(length) < math.MaxInt64/2) { // nor is NaN
			return 0, fmt.Errorf("%q is out of range", text)
		}
		return time.Duration(n * float64(length)), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration; write 14d, 36h or 0", text)
	}
	if d < 0 {
		return 0, fmt.Errorf("%q is negative", text)
	}
	return d, nil
}

// none reports whether nothing is to be changed.
func (s *settingFlags) none() bool {
	for _, c := range s.changes() {
		if s.given.Changed(c.flag) {
			return false
		}
	}
	return true
}
