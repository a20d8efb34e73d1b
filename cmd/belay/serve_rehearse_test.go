package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"belay/providers/host/certs"
	"belay/providers/lab"
	"belay/rollout/mtasts"
)

// Each port that a rehearsal needs is looked at by itself: it listens at those that are
// free.
func TestARehearsalListensWherePortsAreFree(t *testing.T) {
	b := newBox(t, lab.Options{})
	p := b.certsProgram()
	s, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	const free = "127.0.0.1:0"
	for name, tc := range map[string]struct {
		given       serveFlags
		https, http int
		said        string
	}{
		"both free":       {serveFlags{listen: []string{free}, http: []string{free}}, 1, 1, ""},
		"HTTP taken":      {serveFlags{listen: []string{free}, http: []string{taken.Addr().String()}}, 1, 0, taken.Addr().String() + " is taken"},
		"HTTPS taken":     {serveFlags{listen: []string{taken.Addr().String()}, http: []string{free}}, 0, 1, "the server there answers"},
		"one of two":      {serveFlags{listen: []string{taken.Addr().String(), free}, http: []string{"none"}}, 1, 0, "is taken"},
		"none of HTTP's":  {serveFlags{listen: []string{free}, http: []string{"none"}}, 1, 0, ""},
		"nothing is left": {serveFlags{listen: []string{taken.Addr().String()}, http: []string{taken.Addr().String()}}, 0, 0, "is taken"},
	} {
		t.Run(name, func(t *testing.T) {
			var said strings.Builder
			at, err := p.rehearsalSockets(t.Context(), s, tc.given, func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) })
			if err != nil {
				t.Fatal(err)
			}
			defer at.Close()
			if len(at.HTTPS) != tc.https || len(at.HTTP) != tc.http || !strings.Contains(said.String(), tc.said) || (tc.said == "") != (said.Len() == 0) {
				t.Errorf("it listens at %s and %s, and says %q", addresses(at.HTTPS), addresses(at.HTTP), &said)
			}
		})
	}
	if _, err := p.rehearsalSockets(t.Context(), s, serveFlags{listen: []string{"443"}}, func(string, ...any) {}); err == nil {
		t.Error("what is no address is taken for a port where somebody answers")
	}
}

// To a user who may not have the port, a server that runs on the store is who answers.
func TestARehearsalByAnOrdinaryUserIsAnsweredByTheServer(t *testing.T) {
	b := newBox(t, lab.Options{})
	s, err := b.certsProgram().open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	barred := listenError("--listen", ":443", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EACCES)})
	if who, err := s.accounts.answersInstead(t.Context(), barred); !errors.Is(err, syscall.EACCES) {
		t.Errorf("without a server: %q, %v", who, err)
	}
	b.serve(mtasts.PolicyHost(b.Domain()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C { // it serves first, and tells of itself then
		if running, err := s.accounts.served.Servers(ctx); err != nil || ctx.Err() != nil {
			t.Fatalf("no server tells of itself: %v", errors.Join(err, ctx.Err()))
		} else if len(running) > 0 {
			break
		}
	}
	if who, err := s.accounts.answersInstead(t.Context(), barred); err != nil || !strings.Contains(who, fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("with one: %q, %v", who, err)
	}
	if _, err := s.accounts.answersInstead(t.Context(), syscall.EADDRNOTAVAIL); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("an address that is not this machine's: %v", err)
	}
}

func TestARehearsalByDNSAloneNeedsNoPort(t *testing.T) {
	settings := certs.Settings{ByDNS: func(_ context.Context, host string, _ []string) (certs.Records, error) {
		switch host {
		case "mta-sts.dns.test":
			return struct{ certs.Records }{}, nil
		case "mta-sts.barred.test":
			return nil, errors.New("nobody has consented")
		}
		return nil, nil
	}}
	for want, hosts := range map[bool][]string{true: {"mta-sts.dns.test", "mta-sts.barred.test"}, false: {"mta-sts.dns.test", "mta-sts.corp.test"}} {
		if got := provedByDNS(t.Context(), settings, hosts); got != want {
			t.Errorf("%v: %v", hosts, got)
		}
	}
}
