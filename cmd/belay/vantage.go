package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"belay/rollout/world"

	"golang.org/x/crypto/ssh"
)

// vantageFlags say from where to look, and how to get there.
type vantageFlags struct {
	url, key   string
	knownHosts []string
}

// A vantage is an SSH server through which belay looks at the world: for networks
// that let nothing out to port 25. Each connection is a channel of type
// direct-tcpip (RFC 4254 7.2); there is no UDP, so DNS goes over TCP.
type vantage struct {
	client *ssh.Client
	// here is the server's address: from there belay calls.
	here net.Addr
	// owned are the goroutines of connections; close waits for them.
	owned sync.WaitGroup
}

// publicResolvers are asked from a vantage where this machine has only resolvers of
// its own network.
var publicResolvers = [...]string{"9.9.9.9:53", "1.1.1.1:53"}

// goTo makes the world the one that is seen from the vantage, if one is wanted.
// leave goes back; it must be called once all looks have ended.
func (p *program) goTo(ctx context.Context, f vantageFlags) (leave func() error, err error) {
	if f.url == "" {
		if f.key != "" || len(f.knownHosts) > 0 {
			return nil, usagef("--vantage-key and --vantage-known-hosts need --vantage")
		}
		return func() error { return nil }, nil
	}
	user, host, err := p.parseVantage(f.url)
	if err != nil {
		return nil, err
	}
	login := sshLogin{env: p.env, key: f.key, knownHosts: f.knownHosts, keyBy: "--vantage-key", knownBy: "--vantage-known-hosts"}
	client, err := login.dial(ctx, user, host)
	if err != nil {
		return nil, fmt.Errorf("log in to %s: %w", f.url, err)
	}
	v := &vantage{client: client, here: client.RemoteAddr()}
	n := &p.world.Network
	n.Dial = v.dial
	if len(p.flags.resolvers) == 0 {
		n.Resolvers = fromElsewhere(n.Resolvers)
	}
	return v.close, nil
}

// parseVantage reads ssh://USER@HOST[:PORT]. The user defaults to the operator, the
// port to 22.
func (p *program) parseVantage(text string) (user, host string, err error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", "", usagef("--vantage: %w", err)
	case u.Scheme != "ssh" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", "", usagef("--vantage %q is not of the form ssh://USER@HOST[:PORT]", text)
	}
	if _, given := u.User.Password(); given {
		return "", "", usagef("--vantage takes no password; log in by the agent or by --vantage-key")
	}
	port := u.Port()
	if port == "" {
		port = "22"
	}
	user = u.User.Username()
	if user == "" {
		user, _, _ = strings.Cut(p.who(), "@")
	}
	return user, net.JoinHostPort(u.Hostname(), port), nil
}

// fromElsewhere are the resolvers that mean the same seen from anywhere: not those
// of this machine or of its private network. Where none is left it is public ones.
func fromElsewhere(resolvers []netip.AddrPort) []netip.AddrPort {
	out := slices.DeleteFunc(slices.Clone(resolvers), func(r netip.AddrPort) bool {
		a := r.Addr().Unmap()
		return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified()
	})
	if len(out) == 0 {
		for _, r := range publicResolvers {
			out = append(out, netip.MustParseAddrPort(r))
		}
	}
	return out
}

// close logs out and waits for every connection to end.
func (v *vantage) close() error {
	err := v.client.Close()
	v.owned.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("leave the vantage: %w", err)
	}
	return nil
}

// opened is what became of a channel.
type opened struct {
	channel ssh.Channel
	err     error
}

// dial is the Network.Dial of a vantage.
func (v *vantage) dial(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	if network != "tcp" && network != "udp" {
		return nil, fmt.Errorf("dial over %q through SSH: only tcp and udp can be", network)
	}
	tried := make(chan opened, 1)
	v.owned.Go(func() { tried <- v.open(addr) })
	select {
	case o := <-tried:
		if o.err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(addr), Err: o.err}
		}
		conn := v.join(o.channel, addr)
		if network == "udp" {
			return &framed{Conn: conn}, nil
		}
		return conn, nil
	case <-ctx.Done():
		v.owned.Go(func() { // the server's answer comes late, and is declined
			if o := <-tried; o.err == nil {
				o.channel.Close()
			}
		})
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(addr), Err: ctx.Err()}
	}
}

// open asks the server for a connection to addr.
func (v *vantage) open(addr netip.AddrPort) opened {
	ask := struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}{addr.Addr().Unmap().WithZone("").String(), uint32(addr.Port()), "127.0.0.1", 0}
	channel, requests, err := v.client.OpenChannel("direct-tcpip", ssh.Marshal(&ask))
	if err != nil {
		return opened{err: seenFromThere(err)}
	}
	v.owned.Go(func() { ssh.DiscardRequests(requests) })
	return opened{channel: channel}
}

// seenFromThere says what a connection that the server did not make tells. Only a
// refusal is the far host's word. What the server forbids, or a tunnel that broke,
// says nothing about anybody.
func seenFromThere(err error) error {
	var failed *ssh.OpenChannelError
	if !errors.As(err, &failed) {
		return fmt.Errorf("the tunnel is broken: %w: %w", err, world.ErrNoRoute)
	}
	said := strings.ToLower(failed.Message)
	switch {
	case failed.Reason != ssh.ConnectionFailed:
		return fmt.Errorf("the SSH server does not allow it (%s): %w", failed.Reason, world.ErrNoRoute)
	case strings.Contains(said, "unreachable"), strings.Contains(said, "no route"):
		return fmt.Errorf("the SSH server says %q: %w", clean(failed.Message), world.ErrNoRoute)
	case strings.Contains(said, "timed out"), strings.Contains(said, "timeout"), strings.Contains(said, "deadline"):
		return context.DeadlineExceeded
	}
	return errors.New(clean(failed.Message))
}
