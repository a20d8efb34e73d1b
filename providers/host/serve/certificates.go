package serve

import (
	"context"
	"crypto/tls"
	"net/http"
)

// Certificates are where a server has its certificates from. All methods may be
// called by many goroutines at once.
type Certificates interface {
	// Certificate is what is shown in this handshake; hello names a policy host. It
	// also gives the answer to TLS-ALPN-01 (RFC 8737). An error ends the handshake.
	// It does no work that could wait: a handshake is under way.
	Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// HTTPChallenge answers what a CA asks over plain HTTP (RFC 8555 section 8.3) and
	// leaves everything else to next.
	HTTPChallenge(next http.Handler) http.Handler
	// Manage says which policy hosts are to have certificates from now on. Those that
	// are kept from before are shown when it returns; others it has obtained meanwhile.
	// It is called before the server answers anybody and whenever that set changes; ctx
	// ends with the server. What it starts it may leave running until then.
	Manage(ctx context.Context, hosts []string) error
}
