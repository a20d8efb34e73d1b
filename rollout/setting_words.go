package rollout

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SettingsTold says of a whole journal what each entry set that carries settings: its
// words stand at the entry's place, and none where it carries none. A new rollout's
// settings are its DNS account, policy host and target, and all that is not as by
// default; of changed ones each change is told, from what to what. Settings hold no
// secret; what an operator typed in them may hold control characters.
func SettingsTold(entries []Entry) [][]string {
	told := make([][]string, len(entries))
	before := DefaultSettings()
	for i, e := range entries {
		if e.Settings == nil {
			continue
		}
		if e.Kind == Created {
			told[i] = e.Settings.chosen(e.Domain)
		} else {
			told[i] = e.Settings.changedFrom(before, e.Domain)
		}
		before = *e.Settings
	}
	return told
}

// setting is one setting in words: its name, as its flag has it where there is one, and
// its value; unset is what no value means.
type setting struct{ name, value, unset string }

// chosen are the settings that an operator began with: account, host and target, and
// each that differs from the default.
func (s Settings) chosen(domain string) []string {
	usual := map[string]string{}
	for _, d := range DefaultSettings().told(domain) {
		usual[d.name] = d.value
	}
	var first, out []string
	for i, x := range s.told(domain) {
		switch by := usual[x.name]; {
		case i < 3:
			first = append(first, x.name+" "+x.words())
		case x.value == by:
		case by == "":
			out = append(out, x.name+" "+x.value)
		default:
			out = append(out, x.name+" "+x.value+" (default "+by+")")
		}
	}
	return append([]string{commas(first)}, out...)
}

// changedFrom is what s has otherwise than before.
func (s Settings) changedFrom(before Settings, domain string) []string {
	was := before.told(domain)
	var out []string
	for _, x := range s.told(domain) {
		old := setting{x.name, "", x.unset}
		if i := slices.IndexFunc(was, func(w setting) bool { return w.name == x.name }); i >= 0 {
			old = was[i]
			was = slices.Delete(was, i, i+1)
		}
		if x.value != old.value {
			out = append(out, x.name+" "+x.words()+" (was "+old.words()+")")
		}
	}
	for _, gone := range was {
		out = append(out, gone.name+" "+gone.unset+" (was "+gone.words()+")")
	}
	if out == nil {
		out = []string{"nothing changed"}
	}
	return out
}

func (x setting) words() string {
	if x.value == "" {
		return x.unset
	}
	return x.value
}

// told are all settings in words, the account, the host and the target first.
func (s Settings) told(domain string) []setting {
	number := func(n uint32) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatUint(uint64(n), 10)
	}
	held, certificates := "", ""
	if s.HeldBefore != nil {
		held = strconv.FormatUint(uint64(*s.HeldBefore), 10)
	}
	if s.ConsentsToDNS() {
		certificates = "by DNS: belay may write " + ChallengeName(domain)
	}
	out := []setting{
		{"dns", s.DNS.String(), "not set"},
		{"host", s.Host.String(), "not set"},
		{"target max_age", number(s.MaxAge), "not set"},
		{"host-address", commas(stringsOf(s.HostAddresses)), "none"},
		{"host-cname", s.HostCNAME, "none"},
		{"delegate", s.Delegate.told(domain), "to nobody"},
		{"ttl", number(s.TTL), "as it stands"},
		{"rua", commas(s.RUA), "none"},
		{"mx", commas(s.MX), "the names found"},
		{"soak testing", inDays(s.Soak.Testing), ""},
		{"soak silent", inDays(s.Soak.Silent), ""},
		{"soak enforce", inDays(s.Soak.Enforce), ""},
		{"min-reporters", strconv.Itoa(s.MinReporters), ""},
		{"stray", strconv.Itoa(s.Stray), ""},
		{"held-before", held, "not said"},
		{"inbox", commas(s.Inboxes), "none"},
		{"authserv-id", commas(s.AuthservID), "none"},
		{"sender", commas(s.Senders), "the shipped list"},
		{"certificates", certificates, "not by DNS"},
	}
	for _, rung := range slices.Sorted(maps.Keys(s.Soak.MaxAge)) {
		name := "soak max-age"
		if rung != 0 {
			name += "." + number(rung)
		}
		out = append(out, setting{name, inDays(s.Soak.MaxAge[rung]), "as usual"})
	}
	return out
}

// told is to whom which names are delegated; "" where none is.
func (d Delegation) told(domain string) string {
	if !d.On() {
		return ""
	}
	d = d.For(domain)
	var names []string
	for _, n := range []struct{ label, target string }{{"_mta-sts", d.Record}, {"_smtp._tls", d.Reports}, {"mta-sts", d.Host}} {
		if n.target != "" {
			names = append(names, n.label+" to "+n.target)
		}
	}
	return "to " + d.Vendor + ", " + strings.Join(names, ", ")
}

func commas(values []string) string { return strings.Join(values, ", ") }

func stringsOf(addresses []netip.Addr) []string {
	var out []string
	for _, a := range addresses {
		out = append(out, a.String())
	}
	return out
}

// inDays is a time as --soak takes it.
func inDays(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d%Day == 0:
		return fmt.Sprintf("%dd", d/Day)
	}
	return d.String()
}
