package probe

import (
	"context"
	"crypto/tls"
	"net/netip"

	"belay/rollout"
)

// A Glance is what a server shows to a TLS client that is not the usual one: one
// that names another host or none, or that speaks an older version only.
type Glance struct {
	// Met is whether a handshake was made or broken off; where it is false,
	// nothing was learned.
	Met bool
	// Why says why the handshake failed; empty where it did not. It is clean.
	Why string
	// TLSVersion is what was agreed, such as "TLS 1.2".
	TLSVersion string
	// Leaf is the certificate shown, nil where there was none.
	Leaf *rollout.Certificate
	// Fits is whether that certificate names the host that was meant.
	Fits bool
}

// A Manner is how a Glance greets.
type Manner string

// The manners.
const (
	// Nameless sends no server name (SNI), as some senders do not.
	Nameless Manner = "no server name"
	// Misnamed sends a name that no host has.
	Misnamed Manner = "a foreign server name"
)

// foreignName is a server name that no host has (RFC 2606 2).
const foreignName = "belay.invalid"

// glanced is what Glance remembers by.
type glanced struct {
	target
	manner Manner
}

// Glance goes through STARTTLS with one address of an MX host in another manner
// than Session, once in a look, and hangs up behind the handshake.
func (v *View) Glance(host string, ip netip.Addr, manner Manner) Glance {
	return v.glances.do(glanced{target{host, ip}, manner}, func() Glance {
		v.asking(At(host, ip), "STARTTLS on port 25 with "+string(manner))
		conn, _, err := v.connect(v.ctx, netip.AddrPortFrom(ip, 25))
		if err != nil {
			return Glance{}
		}
		defer conn.hangUp()
		if !conn.beforeTLS(new(Session)) {
			return Glance{}
		}
		name := ""
		if manner == Misnamed {
			name = foreignName
		}
		return v.glance(v.ctx, conn, host, v.tlsConfig(name))
	})
}

// Older shakes hands with the HTTPS server at one address of a policy host in TLS
// 1.2, once in a look, and hangs up.
func (v *View) Older(host string, ip netip.Addr) Glance {
	return v.glances.do(glanced{target{host, ip}, "TLS 1.2"}, func() Glance {
		v.asking(At(host, ip), "TLS 1.2 on port 443")
		conn, _, err := v.connect(v.ctx, netip.AddrPortFrom(ip, 443))
		if err != nil {
			return Glance{}
		}
		defer conn.hangUp()
		config := v.tlsConfig(host)
		config.MaxVersion, config.NextProtos = tls.VersionTLS12, []string{"http/1.1"}
		return v.glance(v.ctx, conn, host, config)
	})
}

// glance shakes hands over conn and says what it saw. It offers the classic curves
// only: nothing here hangs on them, and the handshake costs half as much.
func (v *View) glance(ctx context.Context, conn *call25, host string, config *tls.Config) Glance {
	config.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	secured := tls.Client(conn, config)
	conn.within(stepPatience)
	if err := secured.HandshakeContext(ctx); err != nil {
		// Silence is not for want of a name; and what the end of the look broke
		// off tells nothing.
		return Glance{Met: v.Err() == nil && !timedOut(err), Why: plainly(err)}
	}
	state := secured.ConnectionState()
	g := Glance{Met: true, TLSVersion: tls.VersionName(state.Version)}
	if chain := facts(state.PeerCertificates); len(chain) > 0 {
		g.Leaf = &chain[0]
		g.Fits = state.PeerCertificates[0].VerifyHostname(host) == nil
	}
	return g
}
