package certs

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

func TestTheCAsDateIsTakenFromItsWords(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	limited := acme.Problem{Type: acme.ProblemTypeRateLimited,
		Detail: `too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-11-03 08:15:00 UTC: see https://ca.test/limits`}
	got := trouble("mta-sts.corp.test", fmt.Errorf("[mta-sts.corp.test] Renew: %w", limited), now, time.Time{})
	if want := time.Date(2026, 11, 3, 8, 15, 0, 0, time.UTC); !got.Next.Equal(want) || !strings.Contains(got.Mend, "before 2026-11-03T08:15:00Z") {
		t.Errorf("the next attempt is at %s: %s", got.Next, got.Mend)
	}
}

func TestOtherTroubleIsToldWithoutWrappings(t *testing.T) {
	got := trouble("mta-sts.corp.test", errors.New("[mta-sts.corp.test] Obtain: nobody has consented\x07"), time.Now(), time.Time{})
	if !strings.HasPrefix(got.Said, "nobody has consented") || strings.Contains(got.Said, "\x07") || got.Kind != "" {
		t.Errorf("told %+v", got)
	}
}

func TestTheKindIsANameOfTheRFCs(t *testing.T) {
	for problem, want := range map[string]string{
		acme.ProblemTypeRateLimited:                      "rateLimited",
		acme.ProblemTypeNamespace + "alreadyReplaced":    "alreadyReplaced",
		acme.ProblemTypeNamespace + "rate\x1b[2JLimited": "other",
		"about:blank": "other",
		"":            "other",
		"rateLimited": "other",
		acme.ProblemTypeNamespace + "somethingOfTomorrow": "other",
	} {
		if got := trouble("mta-sts.corp.test", acme.Problem{Type: problem, Detail: "no"}, time.Now(), time.Time{}); got.Kind != want {
			t.Errorf("%q is of the kind %q, not %q", problem, got.Kind, want)
		}
	}
}

func TestPausesGrowAndEnd(t *testing.T) {
	last := time.Duration(0)
	for tries := range 20 {
		if p := pause(tries); p < last || p <= 0 || p > 6*time.Hour {
			t.Errorf("after %d tries the pause is %s", tries, p)
		} else {
			last = p
		}
	}
}

func TestRetryAfterIsReadAndBounded(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for field, want := range map[string]time.Duration{
		"120":                           2 * time.Minute,
		"Sun, 01 Nov 2026 13:00:00 GMT": time.Hour,
		"999999999":                     longestWish,
		"":                              0,
		"-5":                            0,
		"soon":                          0,
		"Sun, 01 Nov 2020 13:00:00 GMT": 0,
	} {
		until, ok := retryAfter(field, now)
		if ok != (want > 0) || ok && until.Sub(now) != want {
			t.Errorf("%q: %s, %v", field, until.Sub(now), ok)
		}
	}
}
