package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/miekg/dns"
)

// A dnsServer listens for queries on one loopback port, over UDP and TCP.
type dnsServer struct {
	address string // host:port
	servers []*dns.Server
	ended   sync.WaitGroup
}

// portTries is how often another port is tried when the one that TCP got is
// taken for UDP.
const portTries = 20

func listenDNS(handler dns.Handler, secrets map[string]string) (*dnsServer, error) {
	var err error
	for range portTries {
		var tcp net.Listener
		if tcp, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
			break
		}
		var udp net.PacketConn
		if udp, err = net.ListenPacket("udp4", tcp.Addr().String()); err != nil {
			tcp.Close()
			continue
		}
		s := &dnsServer{address: tcp.Addr().String()}
		s.serve(&dns.Server{Listener: tcp, Handler: handler, TsigSecret: secrets, MsgAcceptFunc: acceptUpdates})
		s.serve(&dns.Server{PacketConn: udp, Handler: handler, TsigSecret: secrets, MsgAcceptFunc: acceptUpdates})
		return s, nil
	}
	return nil, fmt.Errorf("listen for DNS queries on loopback: %w", err)
}

// serve starts one transport and returns when it can be shut down.
func (s *dnsServer) serve(server *dns.Server) {
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	s.servers = append(s.servers, server)
	s.ended.Go(func() { _ = server.ActivateAndServe() })
	<-started
}

func (s *dnsServer) close(ctx context.Context) error {
	var errs []error
	for _, server := range s.servers {
		errs = append(errs, server.ShutdownContext(ctx))
	}
	s.ended.Wait()
	return errors.Join(errs...)
}

// acceptUpdates lets queries and dynamic updates in; the library's own rule
// answers an update with NOTIMP.
func acceptUpdates(h dns.Header) dns.MsgAcceptAction {
	const response = 1 << 15
	switch opcode := int(h.Bits>>11) & 0xF; {
	case h.Bits&response != 0:
		return dns.MsgIgnore
	case opcode == dns.OpcodeQuery, opcode == dns.OpcodeUpdate:
		if h.Qdcount != 1 {
			return dns.MsgReject
		}
		return dns.MsgAccept
	}
	return dns.MsgRejectNotImplemented
}

// An authoritative name server: the zones it serves and the version of each that
// it has.
type nameServer struct {
	lab     *Lab
	zones   *zones
	version func(*zone) *version
	// primary takes updates and transfers; a secondary refuses both.
	primary bool
}

func (s *nameServer) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(r)
	m.RecursionAvailable = false
	q := r.Question[0]
	z := s.zoneOf(q)
	switch {
	case r.IsTsig() != nil && w.TsigStatus() != nil:
		m.Rcode = dns.RcodeNotAuth
	case r.Opcode == dns.OpcodeUpdate:
		if m.Rcode = s.update(w, r); m.Rcode == lost {
			return
		}
	case z == nil || q.Qclass != dns.ClassINET || !s.primary && s.lab.faults.on("ns2.refusing") && z.apex != "." && z.apex != "test.":
		m.Rcode = dns.RcodeRefused
	case q.Qtype == dns.TypeAXFR:
		s.transfer(w, r, m, z)
		return
	default:
		s.version(z).answer(m, q)
	}
	reply(w, r, m)
}

// zoneOf is the closest zone for a question; one for DS goes to the parent where
// this server has it too.
func (s *nameServer) zoneOf(q dns.Question) *zone {
	return s.zones.closest(q.Name, q.Qtype == dns.TypeDS)
}

// transfer answers AXFR: on the primary, over TCP, to who signs with the lab's key,
// unless transfers are refused.
func (s *nameServer) transfer(w dns.ResponseWriter, r, m *dns.Msg, z *zone) {
	_, overUDP := w.RemoteAddr().(*net.UDPAddr)
	if !s.primary || overUDP || r.IsTsig() == nil || z.apex != dns.CanonicalName(r.Question[0].Name) || s.lab.refuseTransfers.Load() {
		m.Rcode = dns.RcodeRefused
		reply(w, r, m)
		return
	}
	// A message holds 64 KiB (RFC 5936 section 2.2): a large zone takes several.
	rest := s.version(z).all()
	envelopes := make(chan *dns.Envelope, 1+len(rest)/transferred)
	for len(rest) > 0 {
		n := min(len(rest), transferred)
		envelopes <- &dns.Envelope{RR: rest[:n]}
		rest = rest[n:]
	}
	close(envelopes)
	_ = new(dns.Transfer).Out(w, r, envelopes)
	w.Close()
}

// transferred is how many records one message of a transfer holds.
const transferred = 200

// reply sends m, signed where r was, cut to what the client can take.
func reply(w dns.ResponseWriter, r, m *dns.Msg) {
	size := dns.MinMsgSize
	if opt := r.IsEdns0(); opt != nil {
		size = max(size, int(opt.UDPSize()))
		m.SetEdns0(1232, false)
	}
	if _, overUDP := w.RemoteAddr().(*net.UDPAddr); overUDP {
		m.Truncate(size)
	}
	signLike(m, r)
	_ = w.WriteMsg(m)
}

// signLike signs the answer to a signed request, whose signature was good, by the
// same key.
func signLike(m, r *dns.Msg) {
	if t := r.IsTsig(); t != nil && m.Rcode != dns.RcodeNotAuth {
		m.SetTsig(t.Hdr.Name, t.Algorithm, t.Fudge, int64(t.TimeSigned))
	}
}
