package rollout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// Words say who met the failure where and when, without a full stop: "google.com
// could not verify the certificate of mx2.corp.test on 12 and 13 May".
func (f Failure) Words(now time.Time) string {
	return fmt.Sprintf("%s %s %s", listed(f.Reporters, 3), f.met(), onDays(f.Days, now))
}

// met says what happened to those who report the failure.
func (f Failure) met() string {
	mx := finding.Clean(f.MX, 255)
	if mx == "" {
		mx = "an MX host that is not named"
	}
	switch {
	case f.Uncovered:
		return "tried " + mx + ", which is not in your policy,"
	case f.Type.DANE():
		return fmt.Sprintf("could not verify %s by DANE (%s)", mx, f.Type)
	}
	switch f.Type {
	case tlsrpt.StartTLSNotSupported:
		return "found no STARTTLS at " + mx
	case tlsrpt.CertificateHostMismatch:
		return "met a certificate for another name at " + mx
	case tlsrpt.CertificateExpired:
		return "met an expired certificate at " + mx
	case tlsrpt.CertificateNotTrusted:
		return "could not verify the certificate of " + mx
	case tlsrpt.ValidationFailure:
		return "failed at " + mx + " for a reason without a name of its own"
	case tlsrpt.STSPolicyFetchError:
		return "could not fetch the policy"
	case tlsrpt.STSPolicyInvalid:
		return "found the policy invalid"
	case tlsrpt.STSWebPKIInvalid:
		return "could not verify the certificate of the policy host"
	case Unexplained:
		return "counted failures without details"
	}
	return fmt.Sprintf("reported %s at %s", finding.Quote(string(f.Type), 60), mx)
}

// briefly is what failed, in a noun.
func (f Failure) briefly() string {
	if f.Uncovered {
		return "not in your policy"
	}
	switch f.Type {
	case tlsrpt.StartTLSNotSupported:
		return "no STARTTLS"
	case tlsrpt.CertificateHostMismatch:
		return "certificate for another name"
	case tlsrpt.CertificateExpired:
		return "expired certificate"
	case tlsrpt.CertificateNotTrusted:
		return "certificate not trusted"
	case tlsrpt.ValidationFailure:
		return "no reason named"
	case tlsrpt.STSPolicyFetchError:
		return "policy not fetched"
	case tlsrpt.STSPolicyInvalid:
		return "policy invalid"
	case tlsrpt.STSWebPKIInvalid:
		return "policy host's certificate"
	case Unexplained:
		return "no details"
	}
	return finding.Clean(string(f.Type), 60)
}

// listed are names as a sentence lists them, after the first so many only how many
// more there are.
func listed(names []string, most int) string {
	shown := make([]string, 0, most+1)
	for i, name := range names {
		if i == most && len(names) > most+1 {
			shown = append(shown, fmt.Sprintf("%d others", len(names)-most))
			break
		}
		shown = append(shown, finding.Clean(name, 100))
	}
	switch n := len(shown); n {
	case 0:
		return "nobody named"
	case 1:
		return shown[0]
	default:
		return strings.Join(shown[:n-1], ", ") + " and " + shown[n-1]
	}
}

// onDays says on which UTC days something was: "on 13 May", "on 12 and 13 May",
// "from 12 to 15 May", "on 9 days from 1 to 20 May".
func onDays(days []time.Time, now time.Time) string {
	n := len(days)
	switch {
	case n == 0:
		return "on no day that is named"
	case n == 1:
		return "on " + onDay(days[0], now)
	case n == 2:
		return "on " + span2(days[0], days[1], " and ", now)
	case days[n-1].Sub(days[0]) == time.Duration(n-1)*Day:
		return "from " + span2(days[0], days[n-1], " to ", now)
	}
	return fmt.Sprintf("on %d days from %s", n, span2(days[0], days[n-1], " to ", now))
}

// span2 are two days, the month and year that they share said once.
func span2(from, to time.Time, between string, now time.Time) string {
	last := onDay(to, now)
	switch {
	case from.Year() != to.Year():
		return from.UTC().Format("2 Jan 2006") + between + to.UTC().Format("2 Jan 2006")
	case from.Month() != to.Month():
		return from.UTC().Format("2 Jan") + between + last
	}
	return from.UTC().Format("2") + between + last
}

// onDay is a UTC day, with its year where that is not the present one.
func onDay(day, now time.Time) string {
	if day.UTC().Year() != now.UTC().Year() {
		return day.UTC().Format("2 Jan 2006")
	}
	return day.UTC().Format("2 Jan")
}

// grouped is n with commas between thousands.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := len(digits) % 3
	parts := slices.Collect(slices.Chunk([]byte(digits[first:]), 3))
	out := digits[:first]
	for _, part := range parts {
		if out != "" {
			out += ","
		}
		out += string(part)
	}
	return out
}

// several is "1 session" or "1,200 sessions".
func several(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + one + "s"
}
