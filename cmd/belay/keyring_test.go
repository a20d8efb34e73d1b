package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// A keyring that does not answer is given up, and is not asked anything else before
// the call that hangs has ended.
func TestAKeyringThatDoesNotAnswerIsGivenUp(t *testing.T) {
	d, release := newKeyringDoor(nil), make(chan struct{})
	hang := func() (string, error) { <-release; return "late", nil }
	_, err := d.within(t.Context(), time.Millisecond, hang)
	if err == nil || !strings.Contains(err.Error(), "did not answer within 1ms; unlock it") {
		t.Fatalf("a call that hangs: %v", err)
	}
	second := func() (string, error) { t.Error("a second call runs beside the first"); return "", nil }
	if _, err := d.within(t.Context(), time.Hour, second); err == nil || !strings.Contains(err.Error(), "an earlier call") {
		t.Errorf("the next call: %v", err)
	}
	left := d.left
	close(release)
	<-left
	if v, err := d.within(t.Context(), time.Hour, func() (string, error) { return "s3cret", nil }); v != "s3cret" || err != nil {
		t.Errorf("when it had ended: %q, %v", v, err)
	}
}

// Whoever calls belay off does not wait for the keyring, and it is no keyring's fault.
func TestACallToTheKeyringEndsWithWhoMadeIt(t *testing.T) {
	d, release := newKeyringDoor(nil), make(chan struct{})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := d.within(ctx, time.Hour, func() (string, error) { cancel(); <-release; return "", nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	s := &secrets{keyring: func(ctx context.Context, _ string) (string, error) { return "", ctx.Err() }}
	if _, err := s.fromKeyring(ctx, "cloudflare/api_token"); !errors.Is(err, context.Canceled) {
		t.Errorf("as a login's field it says %v", err)
	}
}
