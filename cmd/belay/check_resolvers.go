package main

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"

	"belay/rollout/world"
)

// questionsAtOnce is how many questions are under way to the recursive resolvers
// at one time, over all domains together.
const questionsAtOnce = 96

// gentle is n with at most most questions under way to its resolvers at a time.
// Who comes later waits for a seat as long as it would have waited for the answer.
func gentle(n world.Network, most int) world.Network {
	seats := make(chan struct{}, most)
	dial, resolvers := n.Dial, slices.Clone(n.Resolvers)
	n.Dial = func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
		if !slices.Contains(resolvers, addr) {
			return dial(ctx, network, addr)
		}
		select {
		case seats <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		leave := sync.OnceFunc(func() { <-seats })
		conn, err := dial(ctx, network, addr)
		if err != nil {
			leave()
			return nil, err
		}
		return seated{conn, leave}, nil
	}
	return n
}

// seated is a connection that gives its seat back when it is closed.
type seated struct {
	net.Conn
	leave func()
}

func (s seated) Close() error {
	defer s.leave()
	return s.Conn.Close()
}
