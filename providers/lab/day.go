package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"belay/rollout/tlsrpt"
)

// A DayResult is what the lab's senders did and met on one day.
type DayResult struct {
	// Day is the UTC day that passed, at 00:00.
	Day time.Time
	// Delivered counts the messages that MX hosts took, reports not among them.
	Delivered int
	// Refused are the sessions that a sender broke off because a policy in enforce
	// told it to. The message may have gone to another MX host.
	Refused []Refusal
	// Undelivered are the messages that no MX host got that day.
	Undelivered []Undelivered
	// Reports are the report mails about this day and days before.
	Reports []ReportMail
}

// A Refusal is one MX host at one address that a sender refused.
type Refusal struct {
	Sender, Domain, MX string
	// Address is the zero Addr where the policy does not cover the host, so that
	// it was never dialled.
	Address netip.Addr
	Type    tlsrpt.ResultType
	Why     string
}

// An Undelivered is one message that stays in its sender's queue.
type Undelivered struct {
	Sender, Domain string
	// Since is when the sender tried first.
	Since time.Time
	Why   string
	// GaveUp is true where the sender will not try again.
	GaveUp bool
}

// A ReportMail is one report on its way to one mailbox.
type ReportMail struct {
	Sender, Domain string
	Day            time.Time // that it is about
	To             string
	// Why says why it could not be delivered yet; empty where it was.
	Why string
}

// PassDay lets one day pass: every sender sends its messages at the time it is now,
// the clock is wound by 24 hours, certificates that are due are renewed, and the
// senders report the days that are over. One day passes at a time.
//
// It fails where ctx ends or the lab is closed, with what was done until then; if
// that was before the clock was wound, the day can be passed again.
func (l *Lab) PassDay(ctx context.Context) (DayResult, error) {
	l.passing.Lock()
	defer l.passing.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.running, cancel)()

	out := DayResult{Day: l.clock.Now().Truncate(24 * time.Hour)}
	if l.running.Err() != nil {
		return out, errors.New("pass a day in the lab: it is closed")
	}
	results := make([]DayResult, len(l.senders))
	var sending sync.WaitGroup
	for i, s := range l.senders {
		sending.Go(func() { results[i] = s.sendDay(ctx) })
	}
	sending.Wait()
	for _, r := range results {
		out.Delivered += r.Delivered
		out.Refused = append(out.Refused, r.Refused...)
		out.Undelivered = append(out.Undelivered, r.Undelivered...)
	}
	if err := ctx.Err(); err != nil {
		return out, fmt.Errorf("pass a day in the lab: send mail: %w", err)
	}
	if err := l.Wind(24 * time.Hour); err != nil {
		return out, fmt.Errorf("pass a day in the lab: %w", err)
	}
	for _, s := range l.senders {
		out.Reports = append(out.Reports, s.reportDays(ctx)...)
	}
	if err := ctx.Err(); err != nil {
		return out, fmt.Errorf("pass a day in the lab: send reports: %w", err)
	}
	return out, nil
}
