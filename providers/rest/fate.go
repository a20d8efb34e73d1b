package rest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// A Verdict is an error that knows whether the vendor turned the call away.
type Verdict interface {
	error
	// TurnedAway reports whether nothing of the call was carried out, or ever will be.
	TurnedAway() bool
}

// TurnedAway reports whether err says for certain that a call changed nothing and
// will change nothing: the vendor said no, or was never reached. All else leaves it
// open: a call that ran into its deadline, or whose answer was lost or is not
// understood, may have been carried out, and may be still.
func TurnedAway(err error) bool {
	if v, ok := errors.AsType[Verdict](err); ok {
		return v.TurnedAway()
	}
	// What went wrong before a request was sent.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// Denied reports whether an answer of this HTTP status says that nothing was carried
// out (RFC 9110 section 15.5). One of 5xx does not: what stands before the vendor's
// machines gives it for a call that one of them still works at; nor does a redirect,
// which may follow what was done; nor 408, which what waited too long gives.
func Denied(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout
}

// TurnedAway reports whether the status says so: words beside another one do not tell
// how far the call came.
func (e *Refusal) TurnedAway() bool { return Denied(e.Status) }

// Unsure tells of a write that met err and whose fate is not known what becomes of it.
func Unsure(err error) error {
	return fmt.Errorf("it is not known whether this was carried out; belay next looks again, and writes it only where it is missing still: %w", err)
}

// Unsent is err as a Verdict: it was met before anything was sent.
func Unsent(err error) error { return &unsentError{err} }

type unsentError struct{ err error }

func (e *unsentError) Error() string  { return e.err.Error() }
func (e *unsentError) Unwrap() error  { return e.err }
func (*unsentError) TurnedAway() bool { return true }
