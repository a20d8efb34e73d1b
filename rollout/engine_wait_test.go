package rollout_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

func TestLaggingServerIsWaitedFor(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.HostPolicy)
	old := rollout.Absent()
	r.box.behind = &old
	p := r.next()
	if p.Moved || p.Gate.Open {
		t.Fatalf("went on although a server is behind: %+v", p.Gate)
	}
	if r.box.records[txtName+" TXT"].Exists {
		t.Fatal("the id was announced before the body was seen everywhere")
	}
	r.box.behind = nil
	if p := r.next(); !p.Moved {
		t.Fatalf("stuck: %s", reasons(p.Gate))
	}
	if got := r.box.writes[mtasts.PolicyURL(domain)+" policy"]; got != 1 {
		t.Errorf("the body was written %d times", got)
	}
}

func TestSilentServerHoldsNothingUp(t *testing.T) {
	r := newRig(t)
	r.box.silent = true
	r.create(hasty())
	r.to(rollout.ReviewReports)
	if unseen := r.load().Plans[0].Edits["1"].Unseen; len(unseen) != 1 {
		t.Errorf("the server that gave no answer is not named: %v", unseen)
	}
}

func TestIDWaitsForASharedCache(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.Enforce)
	r.box.cache = 3 * time.Hour
	p := r.next()
	if p.Moved || p.Gate.Until.Sub(r.box.clock.Now()) != 3*time.Hour {
		t.Fatalf("gate %+v", p.Gate)
	}
	r.box.clock.wind(time.Hour)
	if p := r.next(); p.Moved || r.load().Mode() == mtasts.Enforce {
		t.Fatal("the id did not wait")
	}
	if _, err := r.engine.Mended(ctx, domain, time.Time{}, "purged the cache"); err != nil {
		t.Fatal(err)
	}
	if r.next(); r.load().Mode() != mtasts.Enforce {
		t.Error("the cache was purged, and the id still waits")
	}
}

func TestIDWaitsForTheOldAddress(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	at := r.to(rollout.ReviewReports)
	body := r.box.body
	if _, err := r.engine.Configure(ctx, domain, func(s *rollout.Settings) error {
		s.HostAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.99")}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if p := r.next(); p.Applied || r.box.records[host+" A"].Records[0] != "192.0.2.20" {
		t.Fatalf("moved to a host that serves nothing: %s", reasons(p.Gate))
	}
	r.box.newHost["192.0.2.99"] = body
	if p := r.next(); !p.Applied {
		t.Fatalf("not moved although the new host serves the same: %s", reasons(p.Gate))
	}
	if r.load().Phase.Before(at.Phase) {
		t.Error("the phase went back")
	}
	r.to(rollout.Enforce)
	if p := r.next(); p.Gate.Open || !p.Gate.Until.After(r.box.clock.Now()) {
		t.Errorf("the id does not wait for the old address's TTL: %+v", p.Gate)
	}
	r.box.clock.wind(10 * time.Minute)
	r.next()
	if r.load().Mode() != mtasts.Enforce {
		t.Error("the TTL is over, and the id still waits")
	}
}

func TestProviderThatSaysNoIsTriedAgain(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.PublishDNS)
	r.box.fail = errors.New("429 too many requests")
	if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil || !strings.Contains(err.Error(), "429") {
		t.Fatalf("the provider's word is lost: %v", err)
	}
	r.to(rollout.HostPolicy)
}

func TestBodyMustAnswerEvenWhereThePlanDoesNotWriteIt(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.HostPolicy)
	r.box.body = rollout.Body(policy("testing", 86400).String()) // stands in the web root already
	nothing := rollout.Absent()
	r.box.behind = &nothing // and is not served at the second address
	if p := r.next(); p.Moved || r.box.records[txtName+" TXT"].Exists {
		t.Fatalf("an id was announced whose body does not answer: %s", reasons(p.Gate))
	}
	r.box.behind = nil
	if p := r.next(); !p.Moved {
		t.Fatalf("stuck: %s", reasons(p.Gate))
	}
	if live, _, ok := r.load().Live(); !ok || live.Mode != mtasts.Testing {
		t.Error("the body that was there is not in the ledger")
	}
}

func TestProviderAndServersMustAgree(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.PublishDNS)
	r.box.answers = map[string]rollout.Value{rptName + " TXT": rollout.Records("v=TLSRPTv1; rua=mailto:elsewhere@corp.test")}
	p := r.next()
	if p.Applied || len(r.box.writes) > 0 || p.Gate.Closed()[0].Code != "P03" {
		t.Errorf("wrote to a zone that nobody asks: %v %s", r.box.writes, reasons(p.Gate))
	}
}
