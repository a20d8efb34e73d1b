package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// CleanSince is the moment since which nothing has been wrong, and why it is that
// one: the latest of the present policy going live, the last mend, the end of the
// newest period with a blocking failure, and the last change of the MX set. It is
// now where no policy is live. Reports are placed by the period they are about: a
// late one about days before this moment changes nothing.
func (r Rollout) CleanSince(now time.Time) (c time.Time, why string) {
	clean := r.cleanliness(r.newBeliever(), now)
	return clean.since, clean.why
}

// cleanliness is since when a domain is clean, and what that rests on.
type cleanliness struct {
	// undisturbed is since by everything but the reports.
	undisturbed time.Time
	since       time.Time
	why         string
	// standing are the blocking failures of periods that end after undisturbed, newest
	// first.
	standing []weighed
}

func (r Rollout) cleanliness(believer believer, now time.Time) cleanliness {
	var c cleanliness
	c.undisturbed, c.why = r.undisturbedSince(now)
	c.since, c.standing = c.undisturbed, r.standing(believer, c.undisturbed, now)
	for _, b := range c.standing {
		if b.counts.After(c.since) {
			c.since, c.why = b.counts, fmt.Sprintf("%s reported %s", b.Reporter, b.sentence())
		}
	}
	return c
}

// undisturbedSince is CleanSince by everything but the reports.
func (r Rollout) undisturbedSince(now time.Time) (c time.Time, why string) {
	live, _, ok := r.Live()
	if !ok {
		return now, "no policy is live"
	}
	c, why = later(live.Live, live.Announced), fmt.Sprintf("mode %s and max_age %d went live", live.Mode, live.MaxAge)
	at := func(t time.Time, reason string) {
		if t.After(c) {
			c, why = t, reason
		}
	}
	wentLive := c
	for _, m := range r.Mends {
		at(m.Mended, "the operator mended what failed")
	}
	for _, run := range r.History.Runs {
		if run.isMend() {
			at(run.mendedAt(wentLive), fmt.Sprintf("%s at %s was mended", run.Code, run.Subject))
		}
	}
	if n := len(r.History.MX); n > 1 {
		at(r.History.MX[n-1].From, "the MX set changed")
	}
	return c, why
}

// isMend reports whether r is a failure that a second look, five minutes later or
// more, had confirmed before it was gone. One that a single look saw closed the
// gate while it stood and leaves no trace.
func (r Run) isMend() bool { return !r.Unknown && !r.Gone.IsZero() && r.Confirmed() }

// mendedAt is when a failure was mended. What belay publishes itself it verified
// on every server when it went live; a failure of that which was last seen before
// was mended then, however long the next look was in coming.
func (r Run) mendedAt(live time.Time) time.Time {
	published := r.Code != "" && strings.ContainsRune("RDHCT", rune(r.Code[0]))
	if published && !r.Until.After(live) && r.Gone.After(live) {
		return live
	}
	return r.Gone
}

// weighed is a blocking failure and the moment from which the time after it may
// be clean.
type weighed struct {
	BlockingFailure
	counts time.Time
}

// standing are the blocking failures of periods that end after since, newest first.
func (r Rollout) standing(believer believer, since, now time.Time) []weighed {
	all := r.blockingAfter(believer, since)
	out := make([]weighed, 0, len(all))
	for _, b := range all {
		out = append(out, weighed{b, r.weigh(b, now)})
	}
	slices.SortStableFunc(out, func(a, b weighed) int { return cmp.Or(b.counts.Compare(a.counts), cmp.Compare(a.Key, b.Key)) })
	return out
}

// weigh is the end of the failure's period, or where belay itself saw the failure
// mended within that period, that mend. Whether the day after has one like it need
// not be asked: that one counts by itself, and from a later moment. A period that
// claims to end later than the day of now ends with it.
func (r Rollout) weigh(b BlockingFailure, now time.Time) time.Time {
	end := b.Ends
	if tomorrow := dayOf(now).Add(Day); end.After(tomorrow) {
		end = tomorrow
	}
	var mended time.Time
	for _, run := range r.History.Runs {
		if run.isMend() && !b.Folded && !run.Gone.Before(b.Begins) && run.Gone.Before(end) && run.explains(b) {
			mended = later(mended, run.Gone)
		}
	}
	if mended.IsZero() {
		return end
	}
	return mended
}

// explains reports whether r is what a reporter would meet as b.
func (r Run) explains(b BlockingFailure) bool {
	if r.Code == "" {
		return false
	}
	switch b.Type {
	case tlsrpt.STSPolicyFetchError:
		return r.Code[0] == 'H'
	case tlsrpt.STSWebPKIInvalid:
		return r.Code == "H03" || r.Code == "H02"
	case tlsrpt.STSPolicyInvalid:
		return r.Code[0] == 'C' || r.Code == "H06" || r.Code == "H12"
	case Unexplained:
		return false
	}
	host, _ := splitSubject(r.Subject)
	if b.MX != "" && !strings.EqualFold(host, b.MX) {
		return false
	}
	switch b.Type {
	case tlsrpt.StartTLSNotSupported:
		return r.Code == "M07"
	case tlsrpt.CertificateHostMismatch:
		return r.Code == "M11"
	case tlsrpt.CertificateExpired:
		return r.Code == "M09"
	case tlsrpt.CertificateNotTrusted:
		return r.Code == "M12" || r.Code == "M13"
	case tlsrpt.ValidationFailure:
		return r.Code[0] == 'M'
	}
	return false
}

// SeenNow is belay's own finding in e of what the reporter met, where it sees the
// same; ok is false where it does not.
func (b BlockingFailure) SeenNow(e Evidence) (f finding.Finding, ok bool) {
	for _, f := range e.Fails() {
		if !f.Unknown && (Run{Code: string(f.Code), Subject: f.Subject}).explains(b) {
			return f, true
		}
	}
	return finding.Finding{}, false
}

// sentence tells of the failure in a few words.
func (b BlockingFailure) sentence() string {
	what := finding.Clean(string(b.Type), 100)
	if b.Type == Unexplained {
		what = "failures without details"
	}
	if b.MX != "" {
		what += " at " + finding.Clean(b.MX, 255)
	}
	sessions := "sessions"
	if b.Sessions == 1 {
		sessions = "session"
	}
	return fmt.Sprintf("%s in the period to %s (%d %s)", what, stamp(b.Ends), b.Sessions, sessions)
}
