// Package receiver takes TLS reports that senders post over HTTPS (RFC 8460 section
// 5.4), for a TLSRPT record with rua=https://mta-sts.DOMAIN/tlsrpt.
//
// A report is on disk before it is answered for: 201 for a new one, 200 for one that
// was there, so that a sender that missed the answer may post it again. What is no
// report, too large, or about strangers' domains gets a 4xx and no explanation that
// would help to guess; a store that cannot be written to is a 503, after which senders
// try again for a day.
//
// Nobody signs what is posted, and anybody can post. So it stands apart until the
// operator trusts the address in writing, a client may post only so much in a minute,
// has few places and seconds to send in, and large bodies are collected on disk and
// read one at a time.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"sync"
	"time"

	"belay/providers/inbox"
	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
	"belay/rollout/world"
)

// Path is where reports are posted, at every policy host.
const Path = "/tlsrpt"

// Options are what a receiver is made of.
type Options struct {
	// Importer makes what takes the reports in, for the domains there are now. It is
	// asked now and then, not for each report.
	Importer func(ctx context.Context) (*inbox.Importer, error)
	// Log takes what was taken and what failed; nil takes nothing. What strangers do
	// wrong is not logged: they could fill a disk with it.
	Log    *slog.Logger
	Limits Limits
}

// Limits bound what clients can take; each zero is its default.
type Limits struct {
	// Bytes is the largest body: tlsrpt.MaxWire.
	Bytes int64
	// PerMinute is how many posts of one client (an IPv4 address, an IPv6 network of
	// 64 bits) are taken in a minute, and Burst how many at once: 60 and 120.
	PerMinute, Burst int
}

// Bounds of what is taken at once.
const (
	smallBody  = 256 << 10
	smallOnes  = 32               // read at once
	ofOne      = 4                // of them, of one client
	largeOnes  = 16               // collected at once
	waitTurn   = 5 * time.Second  // for a place
	staleAfter = 30 * time.Second // what the importer knows of domains
	tryAgain   = 60               // seconds
)

// patience is how long a client may take to send a body: as far as it is small, and
// the rest.
type patience struct{ small, large time.Duration }

// A Receiver is the handler of posts. Make one with New.
type Receiver struct {
	o     Options
	rates *rates
	turns *turns
	// A place each: in memory, and for large bodies on their way.
	small, large, collecting chan struct{}

	patience patience

	mu       sync.Mutex
	importer *inbox.Importer
	made     world.Stopwatch
}

// New makes a receiver.
func New(o Options) *Receiver {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Limits.Bytes <= 0 {
		o.Limits.Bytes = tlsrpt.MaxWire
	}
	if o.Limits.PerMinute <= 0 {
		o.Limits.PerMinute = 60
	}
	if o.Limits.Burst <= 0 {
		o.Limits.Burst = 120
	}
	return &Receiver{o: o, rates: newRates(o.Limits), turns: newTurns(ofOne), small: make(chan struct{}, smallOnes), large: make(chan struct{}, 1),
		collecting: make(chan struct{}, largeOnes), patience: patience{small: 10 * time.Second, large: time.Minute}}
}

// mediaTypes are the registered ones (RFC 8460 sections 6.4 and 6.5).
const mediaTypes = "application/tlsrpt+gzip, application/tlsrpt+json"

// ServeHTTP takes one report.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		answer(w, http.StatusMethodNotAllowed, "Reports are posted here (RFC 8460 section 5.4).")
	case !rc.rates.take(clientOf(r.RemoteAddr)):
		w.Header().Set("Retry-After", strconv.Itoa(tryAgain))
		answer(w, http.StatusTooManyRequests, "Too many reports at once; try again later.")
	case err != nil || kind != "application/tlsrpt+gzip" && kind != "application/tlsrpt+json":
		w.Header().Set("Accept-Post", mediaTypes)
		answer(w, http.StatusUnsupportedMediaType, "Reports are "+mediaTypes+".")
	case r.ContentLength > rc.o.Limits.Bytes:
		rc.tooLarge(w)
	default:
		rc.take(w, r)
	}
}

func (rc *Receiver) take(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	leave, ok := rc.turns.enter(ctx, clientOf(r.RemoteAddr))
	if !ok {
		rc.later(w)
		return
	}
	defer leave()
	body, free, err := rc.body(w, r)
	var ours unkept
	switch {
	case errors.Is(err, errNoPlace):
		rc.later(w)
		return
	case errors.Is(err, errTooLarge):
		rc.tooLarge(w)
		return
	case errors.As(err, &ours):
		rc.o.Log.Error("a report by HTTPS cannot be taken", "error", err)
		rc.later(w)
		return
	case err != nil:
		answer(w, http.StatusBadRequest, "The report did not come whole.")
		return
	}
	defer free()
	im, err := rc.current(ctx)
	if err != nil {
		rc.o.Log.Error("reports by HTTPS cannot be taken", "error", err)
		rc.later(w)
		return
	}
	source := sourceOf(r)
	fresh, err := im.Posted(ctx, source, body)
	switch {
	case errors.Is(err, inbox.ErrForeign):
		answer(w, http.StatusForbidden, "Not taken.")
	case errors.Is(err, inbox.ErrDropped):
		rc.o.Log.Warn("a report by HTTPS is dropped", "error", err, "source", source, "from", finding.Clean(r.RemoteAddr, 60))
		answer(w, http.StatusForbidden, "Not taken.")
	case errors.Is(err, inbox.ErrNoReport):
		answer(w, http.StatusBadRequest, "This is no report that can be used.")
	case err != nil:
		rc.o.Log.Error("a report by HTTPS cannot be stored", "error", err)
		rc.later(w)
	case fresh:
		rc.o.Log.Info("took a report", "source", source, "from", finding.Clean(r.RemoteAddr, 60), "bytes", len(body))
		answer(w, http.StatusCreated, "Taken.")
	default:
		answer(w, http.StatusOK, "It was here already.")
	}
}

// Source is what reports carry that were posted at a policy host, and what the
// operator trusts or does not.
func Source(host string) string { return "https://" + host + Path }

// sourceOf names the policy host that the client was shown a certificate of.
func sourceOf(r *http.Request) string {
	if r.TLS != nil && r.TLS.ServerName != "" {
		return Source(r.TLS.ServerName)
	}
	return Source(finding.Clean(r.Host, 255))
}

// current is the importer for the domains there are, made anew now and then.
func (rc *Receiver) current(ctx context.Context) (*inbox.Importer, error) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if rc.importer != nil && rc.made.Elapsed() < staleAfter {
		return rc.importer, nil
	}
	im, err := rc.o.Importer(ctx)
	if err != nil {
		return nil, fmt.Errorf("find out which domains reports are taken for: %w", err)
	}
	rc.importer, rc.made = im, world.Start()
	return im, nil
}

// enter takes a place, or gives up after a while.
func enter(ctx context.Context, places chan struct{}) bool {
	t := time.NewTimer(waitTurn)
	defer t.Stop()
	select {
	case places <- struct{}{}:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

func (rc *Receiver) tooLarge(w http.ResponseWriter) {
	w.Header().Set("Connection", "close") // what is left of the body is not read
	answer(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("A report has at most %d MB.", rc.o.Limits.Bytes>>20))
}

func (rc *Receiver) later(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(tryAgain))
	answer(w, http.StatusServiceUnavailable, "It cannot be stored just now; try again later.")
}

func answer(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // whoever hangs up does not want it
}
