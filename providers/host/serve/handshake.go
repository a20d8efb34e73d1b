package serve

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// acmeALPN is the protocol by which a CA asks for the answer to TLS-ALPN-01 (RFC
// 8737). Such a handshake is all there is to the connection.
const acmeALPN = "acme-tls/1"

// handshakes is how clients are greeted. It is one config for all hosts, so that
// nothing is made for a connection but what the handshake itself needs.
func (s *Server) handshakes() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS12, // RFC 8461 section 7.2 says so of MX hosts, and senders of the rest
		NextProtos:             []string{"http/1.1", acmeALPN},
		SessionTicketsDisabled: true,
		GetConfigForClient:     s.greet,
		GetCertificate:         s.certificate,
		VerifyConnection: func(tls.ConnectionState) error {
			s.count.handshakes.Add(1)
			return nil
		},
	}
}

// errStranger ends a handshake for a name that is none of ours.
var errStranger = errors.New("no policy host of this name is served here")

// greet refuses a client, by its first words alone, that does not name one of the
// policy hosts. It speaks the alert itself: crypto/tls would call it an internal
// error, or first do the costly half of the handshake.
func (s *Server) greet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if s.sites.Load().at(hello.ServerName) != nil {
		if c, ok := hello.Conn.(*guarded); ok {
			c.comesIn()
		}
		return nil, nil
	}
	s.count.strangers.Add(1)
	_, _ = hello.Conn.Write(unrecognizedName)
	_ = hello.Conn.Close()
	return nil, errStranger
}

// unrecognizedName is a TLS record with one fatal alert (RFC 6066 section 3).
var unrecognizedName = []byte{21, 3, 3, 0, 2, 2, 112}

func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := s.o.Certificates.Certificate(hello)
	if err != nil {
		s.count.lacking.Add(1)
	}
	return cert, err
}

// shows is the certificate that a client of today is shown as host.
func (s *Server) shows(host string) (*x509.Certificate, error) {
	cert, err := s.o.Certificates.Certificate(&tls.ClientHelloInfo{
		ServerName:        host,
		SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.ECDSAWithP384AndSHA384, tls.PSSWithSHA256, tls.PKCS1WithSHA256, tls.Ed25519},
		SupportedCurves:  []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384},
		SupportedPoints:  []uint8{0},
	})
	switch {
	case err != nil:
		return nil, err
	case cert.Leaf != nil:
		return cert.Leaf, nil
	case len(cert.Certificate) == 0:
		return nil, fmt.Errorf("the certificate of %s is empty", host)
	}
	return x509.ParseCertificate(cert.Certificate[0])
}

// plainName is a host name as a client writes it: in any case, with a port or not.
func plainName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
