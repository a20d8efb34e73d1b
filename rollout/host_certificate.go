package rollout

import (
	"context"
	"fmt"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// HostCertificate is what belay's own server knows of the certificate of one policy
// host. It is kept beside the certificate, so that every belay that may read that
// storage can tell of it.
type HostCertificate struct {
	Host string `json:"host"`
	// CA is the ACME directory that it comes from.
	CA string `json:"ca,omitempty"`
	// Issuer, Serial (hexadecimal), Fingerprint (SHA-256, hexadecimal) and the dates
	// are the certificate's own; all are zero where there is none yet.
	Issuer      string    `json:"issuer,omitempty"`
	Serial      string    `json:"serial,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	NotBefore   time.Time `json:"not_before,omitzero"`
	NotAfter    time.Time `json:"not_after,omitzero"`
	// RenewAt is when it is due: when a third of its life is left, or where the CA asks
	// for that (RFC 9773) earlier or later, but never later than when a sixth is left;
	// Asked is the page by which the CA explains it.
	RenewAt time.Time `json:"renew_at,omitzero"`
	Asked   string    `json:"asked,omitempty"`
	// Obtained is when it came, and Replaced the serial of the one before it, empty
	// for the first. Together with what showed it they are the proof of a renewal.
	Obtained time.Time `json:"obtained,omitzero"`
	Replaced string    `json:"replaced,omitempty"`
	// Shown is when belay, looking from outside, last met this certificate at every
	// address of the host that answered, and At those addresses; Unshown is why that
	// cannot be said.
	Shown   time.Time `json:"shown,omitzero"`
	At      []string  `json:"at,omitempty"`
	Unshown string    `json:"unshown,omitempty"`
	// Unread is why nothing is known of it here, though a server may keep one.
	Unread string `json:"unread,omitempty"`
	// Trouble is what came of the last attempt to obtain or renew it, where that
	// failed; nil after a success.
	Trouble *CertificateTrouble `json:"trouble,omitempty"`
}

// CertificateTrouble is a certificate that could not be had.
type CertificateTrouble struct {
	At time.Time `json:"at"`
	// Since is when the first of the attempts in a row failed, Tries how many did.
	Since time.Time `json:"since"`
	Tries int       `json:"tries"`
	// Kind is the ACME problem type without its prefix, "other" for one of no RFC, "caa"
	// where belay itself saw that the CA would refuse, else empty.
	Kind string `json:"kind,omitempty"`
	// Said is what stood in the way, in the CA's words where they are its. Mend says
	// what to do.
	Said string `json:"said"`
	Mend string `json:"mend,omitempty"`
	// Next is when it is tried again; never before Until.
	Next time.Time `json:"next,omitzero"`
	// Until is the moment before which the CA takes no order, by its own word; zero
	// where it has named none. Neither a restart nor the operator changes it.
	Until time.Time `json:"until,omitzero"`
}

// HostCertificates tells what belay's own servers know of the certificate of the
// policy host of domain; ok is false where none keeps it.
type HostCertificates interface {
	HostCertificate(ctx context.Context, domain string) (c HostCertificate, ok bool, err error)
}

// certificate is what is known of r's certificate where belay itself serves. That it
// cannot be read here keeps nobody from working on the rollout: looks from outside show
// the certificate all the same.
func (e *Engine) certificate(ctx context.Context, r Rollout) *HostCertificate {
	if e.Certificates == nil || r.Settings.Host.Kind != HostServe {
		return nil
	}
	c, ok, err := e.Certificates.HostCertificate(ctx, r.Domain)
	if err != nil {
		return &HostCertificate{Host: mtasts.PolicyHost(r.Domain), Unread: finding.Clean(err.Error(), 300)}
	}
	if !ok {
		return nil
	}
	return &c
}

// certificateFindings are what is wrong with the certificate that belay keeps itself.
func (r Rollout) certificateFindings(now time.Time) []finding.Finding {
	if r.Certificate == nil {
		return nil
	}
	return r.Certificate.Findings(now)
}

// renewalGrace is how long after RenewAt a renewal counts as late.
const renewalGrace = Day

// Exists reports whether there is a certificate.
func (c HostCertificate) Exists() bool { return !c.NotAfter.IsZero() }

// Left is how long the certificate is still valid; negative once it has ended.
func (c HostCertificate) Left(now time.Time) time.Duration { return c.NotAfter.Sub(now) }

// Late reports whether the certificate should have been renewed and was not: more
// than a day after that was due, or, where the certificate lives for less than a
// month, a tenth of its life.
func (c HostCertificate) Late(now time.Time) bool {
	grace := min(renewalGrace, c.NotAfter.Sub(c.NotBefore)/10)
	return c.Exists() && !c.RenewAt.IsZero() && now.After(c.RenewAt.Add(grace))
}

// Line is the certificate in one line for people, clean of control characters:
// issuer, days left, the last renewal and who saw it.
func (c HostCertificate) Line(now time.Time) string {
	switch {
	case c.Unread != "":
		return "not known here: " + c.Unread
	case !c.Exists():
		return "none yet"
	}
	parts := []string{fmt.Sprintf("by %s, %s", finding.Clean(c.Issuer, 80), leftInWords(c.Left(now)))}
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	if c.Replaced != "" {
		renewed := fmt.Sprintf("renewed %s, serial %s to %s", day(c.Obtained), shortSerial(c.Replaced), shortSerial(c.Serial))
		switch {
		case !c.Shown.IsZero():
			renewed += ", seen from outside at " + finding.Clean(strings.Join(c.At, " "), 120)
		case c.Unshown != "":
			renewed += ", not seen from outside: " + finding.Clean(c.Unshown, 160)
		}
		parts = append(parts, renewed)
	} else {
		parts = append(parts, "obtained "+day(c.Obtained))
	}
	if !c.RenewAt.IsZero() {
		parts = append(parts, "renewal due "+day(c.RenewAt))
	}
	return strings.Join(parts, "; ")
}

// leftInWords is a rest of validity: "ends in 61 days", "ended 2 days ago".
func leftInWords(left time.Duration) string {
	days := func(d time.Duration) string {
		switch n := int(d / Day); {
		case d < time.Hour:
			return "less than an hour"
		case n == 0:
			return fmt.Sprintf("%d hours", int(d/time.Hour))
		case n == 1:
			return "1 day"
		default:
			return fmt.Sprintf("%d days", n)
		}
	}
	if left < 0 {
		return "ended " + days(-left) + " ago"
	}
	return "ends in " + days(left)
}

// shortSerial is enough of a serial number to tell two apart.
func shortSerial(s string) string {
	return finding.Clean(s[:min(len(s), 12)], 0)
}

// Findings say what is wrong with the certificate that a look from outside cannot
// know: that the host never got one, that a renewal which was due did not come, and
// why.
func (c HostCertificate) Findings(now time.Time) []finding.Finding {
	why, mend := "The server has not said why.", "See whether belay serve runs, and what it logs."
	if t := c.Trouble; t != nil {
		why = fmt.Sprintf("Tried %d times since %s; the last time, at %s: %s", t.Tries, stamp(t.Since), stamp(t.At), t.Said)
		if t.Tries == 1 {
			why = fmt.Sprintf("Tried at %s: %s", stamp(t.At), t.Said)
		}
		if !t.Next.IsZero() {
			why += fmt.Sprintf(" It is tried again at %s.", stamp(t.Next))
		}
		mend = t.Mend
	}
	switch {
	case !c.Exists() && c.Trouble != nil:
		return []finding.Finding{finding.New("O05", c.Host, "belay serve could not get a certificate for "+c.Host).Because(why).Mend(mend)}
	case c.Late(now):
		title := fmt.Sprintf("the certificate of %s %s and was not renewed, which was due on %s", c.Host, leftInWords(c.Left(now)), c.RenewAt.UTC().Format(time.DateOnly))
		return []finding.Finding{finding.New("O05", c.Host, title).Because(why).Mend(mend)}
	}
	return nil
}
