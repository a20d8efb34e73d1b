package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// pausing is a writer of which the first write waits until the test lets it go.
type pausing struct {
	rollout.Writer
	writing, carryOn chan struct{}
}

func (p pausing) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	select {
	case p.writing <- struct{}{}:
		<-p.carryOn
	default:
	}
	return p.Writer.Apply(ctx, e)
}

func TestTheFirstSignalFinishesTheEditInFlight(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.PublishDNS)

	interrupts := make(chan os.Signal)
	writing, carryOn := make(chan struct{}), make(chan struct{})
	b.setup = func(p *program) {
		p.interrupts = interrupts
		p.wrapWriter = func(w rollout.Writer) rollout.Writer { return pausing{w, writing, carryOn} }
	}
	done := make(chan ran)
	go func() { done <- b.belay("next", b.Domain(), "--yes") }()
	<-writing
	interrupts <- os.Interrupt
	close(carryOn)
	r := <-done
	if r.status != exitCannot || !strings.Contains(r.err, "stopped") {
		t.Errorf("exit %d: %s%s", r.status, r.out, r.err)
	}
	if got := b.Records("_smtp._tls.corp.test", "TXT"); len(got) != 1 {
		t.Errorf("the edit in flight was not finished: %v", got)
	}

	b.setup = nil
	b.must(exitGood, "next", b.Domain()) // goes on, and asks for nothing twice
	if writes := b.Writes()["_smtp._tls.corp.test"]; writes != 1 {
		t.Errorf("the record was written %d times: %v", writes, b.Writes())
	}
}
