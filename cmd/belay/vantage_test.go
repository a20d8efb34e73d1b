package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"belay/providers/lab"
	"belay/rollout/finding"
	"belay/rollout/world"

	"github.com/miekg/dns"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// outpost is an SSH server on loopback from which the lab can be reached.
type outpost struct {
	t          *testing.T
	listener   net.Listener
	config     *ssh.ServerConfig
	network    world.Network
	key        string // file of the private key that may log in
	private    ed25519.PrivateKey
	knownHosts string
	prohibit   bool // no forwarding is allowed

	mu        sync.Mutex
	forwarded []netip.AddrPort
	serving   sync.WaitGroup
}

func newOutpost(t *testing.T, network world.Network) *outpost {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	allowed, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	_, hostPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hostKey, err := ssh.NewSignerFromKey(hostPrivate)
	if err != nil {
		t.Fatal(err)
	}
	o := &outpost{t: t, network: network, private: private}
	o.config = &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != "probe" || string(key.Marshal()) != string(allowed.Marshal()) {
			return nil, errors.New("not this key")
		}
		return nil, nil
	}}
	o.config.AddHostKey(hostKey)
	if o.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.listener.Close(); o.serving.Wait() })
	o.serving.Go(o.accept)

	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	o.key = o.file("id", string(pem.EncodeToMemory(block)))
	o.knownHosts = o.file("known_hosts", knownhosts.Line([]string{o.listener.Addr().String()}, hostKey.PublicKey())+"\n")
	return o
}

func (o *outpost) file(name, text string) string {
	o.t.Helper()
	path := filepath.Join(o.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

func (o *outpost) url() string { return "ssh://probe@" + o.listener.Addr().String() }

func (o *outpost) accept() {
	for {
		conn, err := o.listener.Accept()
		if err != nil {
			return
		}
		o.serving.Go(func() { o.serve(conn) })
	}
}

func (o *outpost) serve(conn net.Conn) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, o.config)
	if err != nil {
		return
	}
	o.serving.Go(func() { ssh.DiscardRequests(requests) })
	for asked := range channels {
		o.serving.Go(func() { o.forward(asked) })
	}
}

// forward is what sshd does with direct-tcpip, with its words for what fails.
func (o *outpost) forward(asked ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if asked.ChannelType() != "direct-tcpip" || ssh.Unmarshal(asked.ExtraData(), &to) != nil || o.prohibit {
		asked.Reject(ssh.Prohibited, "administratively prohibited")
		return
	}
	addr := netip.AddrPortFrom(netip.MustParseAddr(to.Host), uint16(to.Port))
	o.mu.Lock()
	o.forwarded = append(o.forwarded, addr)
	o.mu.Unlock()
	far, err := o.network.Dial(o.t.Context(), "tcp", addr)
	if err != nil {
		said := "Connection timed out"
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			said = "Connection refused"
		case world.NoRoute(err):
			said = "Network is unreachable"
		}
		asked.Reject(ssh.ConnectionFailed, said)
		return
	}
	defer far.Close()
	channel, requests, err := asked.Accept()
	if err != nil {
		return
	}
	o.serving.Go(func() { ssh.DiscardRequests(requests) })
	o.serving.Go(func() { io.Copy(channel, far); channel.Close() })
	io.Copy(far, channel)
}

// elsewhere is a box whose own network leads nowhere but whose outpost sees the lab.
func elsewhere(t *testing.T) (*box, *outpost) {
	b := newBox(t, lab.Options{})
	o := newOutpost(t, b.World().Network)
	b.setup = func(p *program) {
		p.world.Network.Dial = func(context.Context, string, netip.AddrPort) (net.Conn, error) { return nil, world.ErrNoRoute }
	}
	return b, o
}

// way are the flags that lead through the outpost.
func (o *outpost) way(args ...string) []string {
	return append(args, "--vantage", o.url(), "--vantage-key", o.key, "--vantage-known-hosts", o.knownHosts)
}

func TestTheVantageSeesWhatCannotBeSeenFromHere(t *testing.T) {
	b, o := elsewhere(t)
	if err := b.Set("mx2.expired", true); err != nil {
		t.Fatal(err)
	}
	b.announce(b.Domain(), "version: STSv1\nmode: enforce\nmx: *.corp.test\nmax_age: 86400\n")
	b.must(exitCannot, "check", b.Domain())

	r := b.must(exitFails, o.way("check", "--json", b.Domain())...)
	var s checkShape
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatal(err)
	}
	if s.Verdict != finding.Fail || !s.Policy.Valid || len(s.MX) != 2 || len(s.MX[0].Addresses) != 2 || !s.MX[0].Addresses[0].STARTTLS {
		t.Errorf("through the tunnel it sees %s", r.out)
	}
	codes := map[finding.Code]bool{}
	for _, f := range s.Findings {
		codes[f.Code] = codes[f.Code] || f.Severity == finding.Fail
	}
	if !codes["M09"] || codes["M05"] || codes["H17"] {
		t.Errorf("it finds %v", s.Findings)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, port := range []uint16{25, 53, 443} {
		if !slices.ContainsFunc(o.forwarded, func(a netip.AddrPort) bool { return a.Port() == port }) {
			t.Errorf("nothing went to port %d through the tunnel", port)
		}
	}
}

// TestARefusalIsTheFarHostsWord: refused there is refused; what the SSH server
// forbids or cannot reach says nothing about the MX hosts.
func TestARefusalIsTheFarHostsWord(t *testing.T) {
	b, o := elsewhere(t)
	for _, id := range []string{"mx1.refused", "network.no-ipv6"} {
		if err := b.Set(id, true); err != nil {
			t.Fatal(err)
		}
	}
	r := b.must(exitFails, o.way("check", b.Domain())...)
	if !strings.Contains(r.out, "refuses the connection on port 25: Connection refused") {
		t.Errorf("a refusal is told as\n%s", r.out)
	}
	if !strings.Contains(r.out, "no route to IPv6") {
		t.Errorf("a family that the server has no route to is told as\n%s", r.out)
	}
	o.prohibit = true
	r = b.must(exitCannot, o.way("check", "--json", b.Domain())...)
	if !strings.Contains(r.out, "does not allow it") || !strings.Contains(r.out, `"verdict":"unknown"`) {
		t.Errorf("a server that forbids forwarding leads to %s", r.out)
	}
}

// TestTheAgentLogsIn to a server that is found in ~/.ssh/known_hosts.
func TestTheAgentLogsIn(t *testing.T) {
	b, o := elsewhere(t)
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: o.private}); err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "belay-agent-") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	listener, err := net.Listen("unix", filepath.Join(home, "agent"))
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { agent.ServeAgent(ring, conn); conn.Close() })
		}
	})
	t.Cleanup(func() { listener.Close(); serving.Wait() })
	known, err := os.ReadFile(o.knownHosts)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"), known, 0o600); err != nil {
		t.Fatal(err)
	}
	b.env["HOME"], b.env["SSH_AUTH_SOCK"] = home, filepath.Join(home, "agent")
	b.must(exitGood, "check", "--vantage", o.url(), b.Domain())
}

func TestAVantageThatCannotBeTrustedIsRefused(t *testing.T) {
	b, o := elsewhere(t)
	_, other := elsewhere(t)
	text, err := os.ReadFile(other.knownHosts)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), knownhosts.Normalize(other.listener.Addr().String()), knownhosts.Normalize(o.listener.Addr().String()), 1)
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(o.private, "", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	b.env["HOME"] = t.TempDir()
	for _, row := range []struct {
		name string
		args []string
		says string
	}{
		{"unknown host", []string{"--vantage", o.url(), "--vantage-key", o.key, "--vantage-known-hosts", other.knownHosts}, "does not stand in known_hosts"},
		{"another key", []string{"--vantage", o.url(), "--vantage-key", o.key, "--vantage-known-hosts", o.file("changed", changed)}, "is another than known_hosts has"},
		{"no known_hosts at all", []string{"--vantage", o.url(), "--vantage-key", o.key}, "known_hosts"},
		{"another's login", []string{"--vantage", o.url(), "--vantage-key", other.key, "--vantage-known-hosts", o.knownHosts}, "unable to authenticate"},
		{"no key and no agent", []string{"--vantage", o.url(), "--vantage-known-hosts", o.knownHosts}, "SSH_AUTH_SOCK"},
		{"a key with a passphrase", []string{"--vantage", o.url(), "--vantage-known-hosts", o.knownHosts, "--vantage-key", o.file("locked", string(pem.EncodeToMemory(locked)))}, "load it into the agent"},
		{"a password in the URL", []string{"--vantage", "ssh://probe:secret@127.0.0.1"}, "takes no password"},
		{"no SSH URL", []string{"--vantage", "vps.example"}, "not of the form"},
		{"a path", []string{"--vantage", "ssh://vps.example/tmp"}, "not of the form"},
		{"a key for nothing", []string{"--vantage-key", o.key}, "need --vantage"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := b.must(exitCannot, append([]string{"check", b.Domain()}, row.args...)...)
			if !strings.Contains(r.err, row.says) || strings.Contains(r.err, "secret") || r.out != "" {
				t.Errorf("printed %q %q", r.out, r.err)
			}
		})
	}
}

func TestResolversThatMeanTheSameFromElsewhere(t *testing.T) {
	parse := func(all ...string) (out []netip.AddrPort) {
		for _, s := range all {
			out = append(out, netip.MustParseAddrPort(s))
		}
		return out
	}
	for _, row := range []struct{ have, want []netip.AddrPort }{
		{parse("127.0.0.53:53", "192.168.1.1:53"), parse(publicResolvers[:]...)},
		{parse("10.0.0.1:53", "9.9.9.9:53", "[fe80::1]:53", "[2620:fe::fe]:53"), parse("9.9.9.9:53", "[2620:fe::fe]:53")},
	} {
		if got := fromElsewhere(row.have); !slices.Equal(got, row.want) {
			t.Errorf("of %v there stay %v, want %v", row.have, got, row.want)
		}
	}
}

// TestDNSOverAStreamIsCutLikeDatagrams: an answer that is too long for a datagram
// comes as one that says so.
func TestDNSOverAStreamIsCutLikeDatagrams(t *testing.T) {
	answer := new(dns.Msg)
	answer.SetQuestion("corp.test.", dns.TypeTXT)
	answer.Response = true
	for range 60 {
		answer.Answer = append(answer.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: "corp.test.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{strings.Repeat("x", 100)}})
	}
	wire, err := answer.Pack()
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	defer near.Close()
	go func() { // ends with the write
		(&framed{Conn: far}).Write(wire)
		far.Close()
	}()
	short := make([]byte, 512)
	n, err := (&framed{Conn: near}).Read(short)
	if err != nil {
		t.Fatal(err)
	}
	var got dns.Msg
	if err := got.Unpack(short[:n]); err != nil || !got.Truncated || len(got.Answer) != 0 || got.Id != answer.Id || len(got.Question) != 1 {
		t.Errorf("read %v: %v", got, err)
	}
}

// TestTheMendOfABlockedNetworkCanBeDone: what the finding tells the operator to type
// is there.
func TestTheMendOfABlockedNetworkCanBeDone(t *testing.T) {
	blocked, _ := finding.Lookup("M04")
	p := newProgram(world.World{}, strings.NewReader(""), &strings.Builder{}, &strings.Builder{}, os.LookupEnv)
	check, _, err := p.root().Find([]string{"check"})
	if err != nil || check.Flags().Lookup("vantage") == nil || !strings.Contains(blocked.Fix, "belay check --vantage ssh://") {
		t.Errorf("the mend is %q: %v", blocked.Fix, err)
	}
}
