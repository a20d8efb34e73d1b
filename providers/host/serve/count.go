package serve

import (
	"net/http"
	"sync/atomic"
)

// counters are what happened since the server was started.
type counters struct {
	accepted, evicted              atomic.Int64 // connections
	handshakes, strangers, lacking atomic.Int64 // handshakes: made, for no host of ours, without a certificate
	failed                         atomic.Int64 // handshakes that were not made, for whatever reason
	policies, pages, other         atomic.Int64 // answers
	misdirected, absent, unallowed atomic.Int64 // refusals: 421, 404, 405
	unread                         atomic.Int64 // readings of the store that failed
}

func (c *counters) refused(status int) {
	switch status {
	case http.StatusMisdirectedRequest:
		c.misdirected.Add(1)
	case http.StatusMethodNotAllowed:
		c.unallowed.Add(1)
	default:
		c.absent.Add(1)
	}
}
